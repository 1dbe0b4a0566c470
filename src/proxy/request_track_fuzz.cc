// Whatever a client sends: in pieces the tracker finds what it finds at once, and wherever a command is whole
// to the scanner of the proxy proper, the tracker has seen its end at the same place.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "proxy/request_scan.h"
#include "proxy/request_track.h"

namespace {

using namespace keyway::proxy;

std::vector<Expect> found_in_pieces(std::string_view bytes, size_t piece_bytes) {
  RequestTracker tracker;
  std::vector<Expect> found;
  for (size_t at = 0; at < bytes.size(); at += piece_bytes)
    tracker.take(bytes.substr(at, piece_bytes), [&](const Expected& each) { found.push_back(each.what); });
  return found;
}

// How many commands the scanner finds before it wants more, or is lost.
size_t scanned(std::string_view bytes) {
  size_t count = 0;
  std::vector<std::string_view> arguments;
  std::string unquoted;
  while (!bytes.empty()) {
    ScanProgress progress;
    RequestScan scan = scan_request(bytes, {}, progress, arguments, unquoted);
    if (scan.state != ScanState::kWhole) break;
    if (!arguments.empty()) ++count;
    bytes.remove_prefix(scan.size_bytes);
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::vector<Expect> at_once = found_in_pieces(bytes, size + 1);
  for (size_t piece_bytes : {size_t{1}, size_t{3}, size_t{17}}) {
    if (found_in_pieces(bytes, piece_bytes) != at_once) std::abort();
  }
  // Quotes are not looked into by the tracker.
  bool plain =
      bytes.find_first_not_of("*$0123456789\r\nabcdefghijklmnopqrstuvwxyz") == std::string_view::npos;
  if (plain && scanned(bytes) > at_once.size()) std::abort();
  return 0;
}
