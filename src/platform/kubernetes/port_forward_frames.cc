#include "platform/kubernetes/port_forward_frames.h"

#include <algorithm>
#include <utility>

#include "base/format.h"

namespace keyway::platform::kubernetes {

namespace {

enum Channel : size_t { kData, kError };

constexpr size_t kMaxErrorBytes = 4 << 10;
constexpr unsigned kByteBits = 8;
constexpr unsigned kByte = 0xff;

}  // namespace

void append_port_data(std::string& out, std::string_view bytes, WebSocketMask mask) {
  append_web_socket_frame(out, WebSocketOpcode::kBinary, std::string_view("\0", 1), bytes, mask);
}

Status PortForwardFrames::feed(std::string_view bytes, const DataSink& data) {
  data_ = &data;
  Status fed = reader_.feed(bytes, *this);
  data_ = nullptr;
  return fed;
}

bool PortForwardFrames::take_ping(std::string& payload) {
  if (!std::exchange(has_ping_, false)) return false;
  payload = std::exchange(ping_, {});
  return true;
}

Status PortForwardFrames::message(std::string_view piece, bool begins) {
  if (begins) channel_known_ = false;
  if (!channel_known_ && !piece.empty()) {
    channel_ = static_cast<unsigned char>(piece.front());
    piece.remove_prefix(1);
    channel_known_ = true;
    if (channel_ >= kChannels)
      return fail(ErrorCode::kCorrupt, fmt::format("it speaks on channel {}, where there are two", channel_));
  }
  while (!piece.empty() && port_bytes_[channel_] < kPortBytes) {
    unsigned wanted = unsigned{port_} >> kByteBits * static_cast<unsigned>(port_bytes_[channel_]) & kByte;
    if (static_cast<unsigned char>(piece.front()) != wanted)
      return fail(ErrorCode::kCorrupt, fmt::format("it forwards another port than {}", port_));
    piece.remove_prefix(1);
    ++port_bytes_[channel_];
  }
  if (piece.empty()) return {};
  if (channel_ == kError)
    take_error(piece);
  else
    (*data_)(piece);
  return {};
}

void PortForwardFrames::pinged(std::string_view payload) {
  has_ping_ = true;
  ping_ = payload;
}

void PortForwardFrames::closed(std::string_view why) {
  closed_ = true;
  if (!why.empty() && error_.empty()) take_error(why);
}

void PortForwardFrames::take_error(std::string_view text) {
  error_ += text.substr(0, kMaxErrorBytes - std::min(kMaxErrorBytes, error_.size()));
}

}  // namespace keyway::platform::kubernetes
