// Whatever a server sends: the scanner never takes more than it was given, and finds the same ends in pieces.
#include <cstdint>
#include <cstdlib>

#include "proxy/reply_scan.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using keyway::proxy::ReplyScanner;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ReplyScanner at_once;
  ReplyScanner::Step whole = at_once.scan(bytes);
  if (whole.taken_bytes > size) std::abort();
  ReplyScanner in_pieces;
  ReplyScanner::Step step;
  size_t taken = 0;
  for (size_t end = 1; end <= size && step.state == ReplyScanner::State::kMore; ++end) {
    step = in_pieces.scan(bytes.substr(taken, end - taken));
    taken += step.taken_bytes;
    if (taken > end) std::abort();
  }
  if (step.state != whole.state) std::abort();
  if (whole.state == ReplyScanner::State::kWhole && taken != whole.taken_bytes) std::abort();
  return 0;
}
