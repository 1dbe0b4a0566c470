#include "platform/kubernetes/api_transport.h"

#include <algorithm>
#include <cstring>

#include "base/format.h"
#include "platform/local/random.h"

namespace keyway::platform::kubernetes {

namespace {

constexpr size_t kMaxIdle = 2;
constexpr int kProbeAfterS = 15;
constexpr int kMaxDoublings = 16;

uint64_t seed() {
  uint64_t number = 0;
  std::string bytes = local::random_bytes(sizeof number);
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

}  // namespace

ApiTransport::ApiTransport(boost::asio::io_context& io, ClientConfig config, ApiClientOptions options)
    : options_(std::move(options)),
      credentials_(std::move(config)),
      dialer_(io, {}, options_.connect_timeout_ms, options_.name_servers),
      random_(seed()) {
  dialer_.probe_after_s = kProbeAfterS;
}

Result<std::string> ApiTransport::text_of(const ApiRequest& request) {
  Result<std::string> who = credentials_.head_lines();
  if (!who) return who;
  const ClientConfig& config = credentials_.config();
  std::string text = fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\nAccept: {}\r\n{}",
                                 request.method, config.path_prefix, request.path, to_string(config.server),
                                 options_.user_agent, request.accept, *who);
  text += request.head_lines;
  if (!request.content_type.empty()) text += fmt::format("Content-Type: {}\r\n", request.content_type);
  if (!request.body.empty()) text += fmt::format("Content-Length: {}\r\n", request.body.size());
  return text + "\r\n" + request.body;
}

Status ApiTransport::renew_tls() {
  auto context = credentials_.tls();
  if (!context) return fail(context.error());
  if (*dialer_.tls != *context) close_idle();
  dialer_.tls = std::move(context);
  return {};
}

Result<std::shared_ptr<HttpConnection>> ApiTransport::connection(bool& reused) {
  if (Status renewed = renew_tls(); !renewed) return fail(renewed.error());
  while (!idle_.empty()) {
    std::shared_ptr<HttpConnection> kept = std::move(idle_.back());
    idle_.pop_back();
    reused = kept->reusable();
    if (reused) return kept;
    kept->close();
  }
  reused = false;
  return std::make_shared<HttpConnection>(dialer_, credentials_.config().server);
}

Result<std::shared_ptr<HttpConnection>> ApiTransport::fresh_connection() {
  if (Status renewed = renew_tls(); !renewed) return fail(renewed.error());
  return std::make_shared<HttpConnection>(dialer_, credentials_.config().server);
}

void ApiTransport::keep(std::shared_ptr<HttpConnection> connection) {
  if (idle_.size() < kMaxIdle && connection->reusable())
    idle_.push_back(std::move(connection));
  else
    connection->close();
}

void ApiTransport::close_idle() {
  for (const auto& connection : idle_) connection->close();
  idle_.clear();
}

// xorshift64*: nobody has to be surprised by it, only not all at the same moment.
int64_t ApiTransport::backoff_ms(int tries) {
  int64_t whole = options_.backoff_min_ms << std::min(tries > 0 ? tries - 1 : 0, kMaxDoublings);
  whole = std::clamp<int64_t>(whole, 1, options_.backoff_max_ms);
  random_ = random_ == 0 ? 1 : random_;
  random_ ^= random_ >> 12;
  random_ ^= random_ << 25;
  random_ ^= random_ >> 27;
  auto span = static_cast<uint64_t>(whole / 2 + 1);
  return whole - static_cast<int64_t>(random_ * 2685821657736338717ULL % span);
}

}  // namespace keyway::platform::kubernetes
