// Whatever a client sends: the scanner never reads past it, and coming in pieces makes no difference.
#include <cstdint>
#include <cstdlib>

#include "proxy/request_scan.h"

namespace {

using keyway::proxy::RequestScan;
using keyway::proxy::ScanProgress;
using keyway::proxy::ScanState;

RequestScan scan(std::string_view bytes, ScanProgress& progress, std::vector<std::string_view>& arguments) {
  static std::string unquoted;
  return keyway::proxy::scan_request(bytes, {}, progress, arguments, unquoted);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::vector<std::string_view> arguments;
  ScanProgress none;
  RequestScan whole = scan(bytes, none, arguments);
  if (whole.state == ScanState::kWhole && (whole.size_bytes == 0 || whole.size_bytes > size)) std::abort();
  ScanProgress progress;
  std::vector<std::string_view> again;
  RequestScan in_pieces;
  for (size_t part = 0; part <= size; part += 1 + size / 16) {
    in_pieces = scan(bytes.substr(0, part), progress, again);
    if (in_pieces.state != ScanState::kPartial) break;
  }
  if (in_pieces.state == ScanState::kPartial) in_pieces = scan(bytes, progress, again);
  if (in_pieces.state != whole.state || in_pieces.size_bytes != whole.size_bytes) std::abort();
  if (whole.state == ScanState::kWhole && !whole.is_inline && again != arguments) std::abort();
  return 0;
}
