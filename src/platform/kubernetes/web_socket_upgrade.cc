#include "platform/kubernetes/web_socket_upgrade.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "base/format.h"
#include "base/strings.h"
#include "engine/cut.h"
#include "platform/base64.h"
#include "platform/local/random.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr size_t kMaxHeadBytes = 16 << 10;
constexpr size_t kMaxBodyBytes = 64 << 10;
constexpr size_t kKeyBytes = 16;
constexpr std::string_view kHeadEnd = "\r\n\r\n";
// Both from RFC 6455, 1.3.
constexpr std::string_view kSwitching = "HTTP/1.1 101";
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

// The value of a field in a head's lines; empty: there is none.
std::string_view field_of(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    std::string_view line = engine::cut_line(head);
    std::string_view before = engine::cut(line, ':');
    if (to_lower(before) == name) return trim(line);
  }
  return {};
}

}  // namespace

std::string new_web_socket_key() { return base64_encoded(local::random_bytes(kKeyBytes)); }

std::string web_socket_accept(std::string_view key) {
  std::string text = fmt::format("{}{}", key, kGuid);
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return base64_encoded({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string web_socket_head_lines(std::string_view protocol, std::string_view key) {
  return fmt::format(
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n"
      "Sec-WebSocket-Protocol: {}\r\n",
      key, protocol);
}

Result<std::string_view> UpgradeAnswer::feed(std::string_view bytes) {
  if (refuses_) {
    if (Status taken = take_refusal(bytes); !taken) return fail(taken.error());
    return std::string_view();
  }
  size_t before = head_.size();
  head_ += bytes;
  size_t end = head_.find(kHeadEnd);
  if (end == std::string::npos) {
    if (head_.size() <= kMaxHeadBytes) return std::string_view();
    return fail(ErrorCode::kCorrupt, "the head of its answer is too long");
  }
  if (!head_.starts_with(kSwitching)) {
    refuses_ = true;
    if (Status taken = take_refusal(head_); !taken) return fail(taken.error());
    return std::string_view();
  }
  head_.resize(end + kHeadEnd.size());
  if (Status agreed = check_agreement(); !agreed) return fail(agreed.error());
  state_ = State::kAgreed;
  return bytes.substr(head_.size() - before);
}

Status UpgradeAnswer::check_agreement() const {
  if (field_of(head_, "sec-websocket-accept") != accept_)
    return fail(ErrorCode::kCorrupt, "it switches protocols with another key than was sent");
  std::string_view protocol = field_of(head_, "sec-websocket-protocol");
  if (protocol == protocol_) return {};
  return fail(ErrorCode::kUnsupported,
              fmt::format("it speaks \"{}\" where {} was asked for", protocol, protocol_));
}

Status UpgradeAnswer::take_refusal(std::string_view bytes) {
  Status fed = refusal_.feed(bytes, [this](std::string_view piece) -> Status {
    body_ += piece.substr(0, kMaxBodyBytes - std::min(kMaxBodyBytes, body_.size()));
    return {};
  });
  if (fed && refusal_.done()) state_ = State::kRefused;
  return fed;
}

Status UpgradeAnswer::finish() {
  Status finished = refusal_.finish();
  if (finished) state_ = State::kRefused;
  return finished;
}

}  // namespace keyway::platform::kubernetes
