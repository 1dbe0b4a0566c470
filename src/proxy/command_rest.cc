#include "proxy/command_rest.h"

#include <algorithm>

namespace keyway::proxy {

namespace {

constexpr size_t kMaxHeaderBytes = 20;  // as many digits as scan_request reads, and '$'
constexpr const char* kBadLength = "Protocol error: invalid bulk length";

}  // namespace

const char* CommandRest::end_header() {
  if (announced_ > max_bytes_) return kBadLength;
  left_bytes_ = static_cast<size_t>(announced_);
  if (size_bytes_ + 1 + left_bytes_ + 2 > max_bytes_) return "Protocol error: too big request";
  at_ = left_bytes_ > 0 ? At::kPayload : At::kEnd;
  line_bytes_ = 0;
  at_line_end_ = false;
  return nullptr;
}

const char* CommandRest::take_header(char c) {
  ++line_bytes_;
  if (line_bytes_ == 1) {
    announced_ = 0;
    return c == '$' ? nullptr : "Protocol error: expected '$' before an argument";
  }
  if (at_line_end_) return c == '\n' ? end_header() : kBadLength;
  if (c == '\r' && line_bytes_ > 2) {
    at_line_end_ = true;
    return nullptr;
  }
  bool leading_zero = line_bytes_ > 2 && announced_ == 0;
  if (c < '0' || c > '9' || leading_zero || line_bytes_ >= kMaxHeaderBytes) return kBadLength;
  announced_ = announced_ * 10 + static_cast<uint64_t>(c - '0');
  return nullptr;
}

const char* CommandRest::take_end(char c) {
  if (c != (line_bytes_ == 0 ? '\r' : '\n')) return "Protocol error: expected CRLF after a bulk";
  ++line_bytes_;
  if (line_bytes_ < 2) return nullptr;
  --missing_;
  at_ = At::kHeader;
  line_bytes_ = 0;
  return nullptr;
}

CommandRest::Step CommandRest::take(std::string_view bytes) {
  size_t at = 0;
  while (at < bytes.size() && missing_ > 0) {
    if (at_ == At::kPayload) {
      size_t taken = std::min(left_bytes_, bytes.size() - at);
      at += taken;
      size_bytes_ += taken;
      left_bytes_ -= taken;
      if (left_bytes_ == 0) at_ = At::kEnd;
      continue;
    }
    const char* problem = at_ == At::kHeader ? take_header(bytes[at]) : take_end(bytes[at]);
    if (problem != nullptr) return {ScanState::kBroken, at, problem};
    ++at;
    ++size_bytes_;
  }
  return {missing_ > 0 ? ScanState::kPartial : ScanState::kWhole, at, nullptr};
}

}  // namespace keyway::proxy
