// Any bytes, cut into pieces anywhere, are an answer to the wish for a WebSocket and frames of a
// port-forward, or are refused; how they were cut makes no difference.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "platform/kubernetes/port_forward_frames.h"
#include "platform/kubernetes/web_socket_upgrade.h"

namespace {

using namespace keyway;
using namespace keyway::platform::kubernetes;

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";

void require(bool holds) {
  if (!holds) std::abort();
}

// The pod's bytes with the outcome behind them.
std::string read_frames(std::string_view bytes, size_t piece) {
  PortForwardFrames frames(6379);
  std::string data;
  auto take = [&](std::string_view part) { data += part; };
  while (!bytes.empty()) {
    if (!frames.feed(bytes.substr(0, piece), take)) return data + " refused " + frames.error();
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  return data + (frames.closed() ? " closed " : " goes on ") + frames.error();
}

std::string read_answer(std::string_view bytes, size_t piece) {
  UpgradeAnswer answer(kKey, kPortForwardProtocol);
  while (!bytes.empty() && answer.state() == UpgradeAnswer::State::kWaiting) {
    std::string_view part = bytes.substr(0, piece);
    Result<std::string_view> rest = answer.feed(part);
    if (!rest) return "none";
    require(rest->size() <= part.size());
    bytes.remove_prefix(part.size() - rest->size());
  }
  if (answer.state() == UpgradeAnswer::State::kAgreed) return "agreed" + read_frames(bytes, piece);
  return answer.body() + std::to_string(answer.status()) + (answer.finish() ? " whole" : " cut");
}

// What we send is what a server reads.
void write_frame(std::string_view bytes) {
  std::string out;
  append_web_socket_frame(out, WebSocketOpcode::kBinary, bytes.substr(0, 1), bytes.substr(1), {1, 2, 3, 4});
  require(out.size() > bytes.size());
  std::string payload = out.substr(out.size() - bytes.size());
  for (size_t i = 0; i < payload.size(); ++i)
    payload[i] = static_cast<char>(payload[i] ^ static_cast<char>(1 + i % 4));
  require(payload == bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = 1 + data[0] % 16;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  require(read_frames(text, piece) == read_frames(text, size));
  if (text.find("\r\n\r\n") == std::string_view::npos || text.starts_with("HTTP/1.1 101"))
    require(read_answer(text, piece) == read_answer(text, size));
  else
    (void)read_answer(text, piece);
  write_frame(text);
  return 0;
}
