#include "platform/kubernetes/web_socket.h"

#include <algorithm>
#include <cstring>

#include "base/format.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr unsigned kFinal = 0x80;
constexpr unsigned kReserved = 0x70;
constexpr unsigned kOpcodeBits = 0x0f;
constexpr unsigned kMasked = 0x80;
constexpr unsigned kLengthBits = 0x7f;
constexpr unsigned kTwoBytes = 126;    // the length is in the next two bytes
constexpr unsigned kEightBytes = 127;  // or in the next eight
constexpr size_t kMaxControlBytes = 125;
constexpr size_t kShortHead = 2;
constexpr size_t kCodeBytes = 2;  // of a close, before its reason

unsigned byte_at(std::string_view bytes, size_t at) { return static_cast<unsigned char>(bytes[at]); }

Status bad(std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("a WebSocket frame {}", what));
}

bool is_control(WebSocketOpcode opcode) { return opcode >= WebSocketOpcode::kClose; }

// The size of the head that begins with these bytes, of which there are two at least.
size_t head_bytes(std::string_view head) {
  unsigned length = byte_at(head, 1) & kLengthBits;
  if (length == kTwoBytes) return kShortHead + sizeof(uint16_t);
  return length == kEightBytes ? kShortHead + sizeof(uint64_t) : kShortHead;
}

uint64_t payload_bytes(std::string_view head) {
  if (head.size() == kShortHead) return byte_at(head, 1) & kLengthBits;
  uint64_t length = 0;
  for (size_t at = kShortHead; at < head.size(); ++at) length = length << 8U | byte_at(head, at);
  return length;
}

// XORs `bytes`, which begin `phase` bytes after the payload's begin, with the mask; eight at a time.
void append_masked(std::string& out, std::string_view bytes, const WebSocketMask& mask, size_t phase) {
  std::array<char, sizeof(uint64_t)> wide{};
  for (size_t i = 0; i < wide.size(); ++i) wide[i] = mask[(phase + i) % mask.size()];
  uint64_t key = 0;
  std::memcpy(&key, wide.data(), sizeof key);
  size_t begin = out.size();
  out.append(bytes);
  char* at = out.data() + begin;
  size_t left = bytes.size();
  for (; left >= sizeof key; left -= sizeof key, at += sizeof key) {
    uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    word ^= key;
    std::memcpy(at, &word, sizeof word);
  }
  for (size_t i = 0; i < left; ++i) at[i] = static_cast<char>(at[i] ^ wide[i]);
}

}  // namespace

void append_web_socket_frame(std::string& out, WebSocketOpcode opcode, std::string_view first,
                             std::string_view rest, WebSocketMask mask) {
  uint64_t length = first.size() + rest.size();
  out += static_cast<char>(kFinal | static_cast<unsigned>(opcode));
  auto append_length = [&](unsigned mark, int bytes) {
    out += static_cast<char>(kMasked | mark);
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(length >> shift);
  };
  if (length <= kMaxControlBytes)
    out += static_cast<char>(kMasked | static_cast<unsigned>(length));
  else if (length <= UINT16_MAX)
    append_length(kTwoBytes, sizeof(uint16_t));
  else
    append_length(kEightBytes, sizeof(uint64_t));
  out.append(mask.data(), mask.size());
  append_masked(out, first, mask, 0);
  append_masked(out, rest, mask, first.size());
}

Status WebSocketReader::feed(std::string_view bytes, WebSocketSink& sink) {
  while (!bytes.empty() && stage_ != Stage::kClosed) {
    Status taken = stage_ == Stage::kHead   ? take_head(bytes, sink)
                   : stage_ == Stage::kData ? take_data(bytes, sink)
                                            : take_control(bytes, sink);
    if (!taken) return taken;
  }
  return {};
}

Status WebSocketReader::take_head(std::string_view& bytes, WebSocketSink& sink) {
  while (!bytes.empty() && (head_.size() < kShortHead || head_.size() < head_bytes(head_))) {
    head_ += bytes.front();
    bytes.remove_prefix(1);
  }
  if (head_.size() < kShortHead || head_.size() < head_bytes(head_)) return {};
  return begin_payload(sink);
}

Status WebSocketReader::begin_payload(WebSocketSink& sink) {
  unsigned flags = byte_at(head_, 0);
  opcode_ = static_cast<WebSocketOpcode>(flags & kOpcodeBits);
  bool final = (flags & kFinal) != 0;
  left_ = payload_bytes(head_);
  bool masked = (byte_at(head_, 1) & kMasked) != 0;
  head_.clear();
  if ((flags & kReserved) != 0) return bad("uses an extension that was not agreed on");
  if (masked) return bad("of a server is masked");
  if (is_control(opcode_)) {
    if (opcode_ > WebSocketOpcode::kPong) return bad("has an unknown opcode");
    if (!final || left_ > kMaxControlBytes) return bad("of control is too long or in pieces");
    control_.clear();
    stage_ = Stage::kControl;
    if (left_ == 0) end_control(sink);
    return {};
  }
  bool continues = opcode_ == WebSocketOpcode::kContinuation;
  if (!continues && opcode_ != WebSocketOpcode::kBinary) return bad("is no binary one");
  if (continues != in_message_)
    return bad(continues ? "continues no message" : "begins a message within another");
  in_message_ = !final;
  stage_ = left_ == 0 ? Stage::kHead : Stage::kData;
  return continues ? Status() : sink.message({}, true);
}

Status WebSocketReader::take_data(std::string_view& bytes, WebSocketSink& sink) {
  std::string_view piece = bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(left_, bytes.size())));
  bytes.remove_prefix(piece.size());
  left_ -= piece.size();
  if (left_ == 0) stage_ = Stage::kHead;
  return sink.message(piece, false);
}

Status WebSocketReader::take_control(std::string_view& bytes, WebSocketSink& sink) {
  std::string_view piece = bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(left_, bytes.size())));
  bytes.remove_prefix(piece.size());
  left_ -= piece.size();
  control_ += piece;
  if (left_ == 0) end_control(sink);
  return {};
}

void WebSocketReader::end_control(WebSocketSink& sink) {
  stage_ = Stage::kHead;
  if (opcode_ == WebSocketOpcode::kPing) sink.pinged(control_);
  if (opcode_ != WebSocketOpcode::kClose) return;
  stage_ = Stage::kClosed;
  sink.closed(std::string_view(control_).substr(std::min(kCodeBytes, control_.size())));
}

}  // namespace keyway::platform::kubernetes
