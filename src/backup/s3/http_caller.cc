#include "backup/s3/http_caller.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/format.h"
#include "base/strings.h"
#include "engine/channel.h"
#include "platform/http_connection.h"

namespace keyway::backup::s3 {

namespace asio = boost::asio;
using platform::HttpConnection;
using platform::HttpEnd;
using platform::HttpHead;

// A question and what has come of its answer. Kept by the connection's handlers as long as they may run.
struct HttpExchange {
  HttpPlace place;
  std::shared_ptr<HttpConnection> connection;
  std::optional<HttpHead> head;
  std::string received;  // of the body, from `given` on not given out yet
  size_t given = 0;
  int64_t received_bytes = 0;
  std::optional<HttpEnd> ended;

  bool has_bytes() const { return given < received.size(); }
};

struct HttpCaller::Impl {
  Impl(const std::string& ca_file, const Patience& how)
      : patience(how),
        plain(io, {}, how.connect_timeout_ms, ""),
        secure(io, {.enabled = true, .ca_file = ca_file}, how.connect_timeout_ms, "") {}

  std::shared_ptr<HttpConnection> connect(const HttpPlace& place, bool& reused);
  std::shared_ptr<HttpExchange> begin(const HttpPlace& place, std::shared_ptr<HttpConnection> connection,
                                      const std::string& head, std::string_view body);
  // Runs the loop until `done`. kTimeout: nothing moved for too long; the connection is closed then.
  Status run_until(HttpExchange& exchange, const std::function<bool()>& done);
  void give_back(HttpExchange& exchange);

  Patience patience;
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> busy{io.get_executor()};
  engine::Dialer plain;
  engine::Dialer secure;
  HttpPlace idle_place;
  std::shared_ptr<HttpConnection> idle;  // null: none
};

std::shared_ptr<HttpConnection> HttpCaller::Impl::connect(const HttpPlace& place, bool& reused) {
  std::shared_ptr<HttpConnection> kept = std::exchange(idle, nullptr);
  reused = kept && idle_place == place && kept->reusable();
  if (reused) return kept;
  if (kept) kept->close();
  return std::make_shared<HttpConnection>(place.tls ? secure : plain, place.address);
}

std::shared_ptr<HttpExchange> HttpCaller::Impl::begin(const HttpPlace& place,
                                                      std::shared_ptr<HttpConnection> connection,
                                                      const std::string& head, std::string_view body) {
  auto exchange = std::make_shared<HttpExchange>();
  exchange->place = place;
  exchange->connection = std::move(connection);
  // Weak, for the exchange owns the connection, which owns these.
  std::weak_ptr<HttpExchange> weak = exchange;
  exchange->connection->send(head, body,
                             {.head =
                                  [weak](const HttpHead& given) {
                                    if (auto mine = weak.lock()) mine->head = given;
                                  },
                              .body = [weak](std::string_view piece) -> Status {
                                auto mine = weak.lock();
                                if (!mine) return {};
                                mine->received += piece;
                                mine->received_bytes += static_cast<int64_t>(piece.size());
                                return {};
                              },
                              .end =
                                  [weak](const HttpEnd& end) {
                                    if (auto mine = weak.lock()) mine->ended = end;
                                  }});
  return exchange;
}

Status HttpCaller::Impl::run_until(HttpExchange& exchange, const std::function<bool()>& done) {
  constexpr auto slice = std::chrono::milliseconds(200);
  size_t sent = exchange.connection->sent_bytes();
  int64_t received = exchange.received_bytes;
  int64_t moved_at_ms = monotonic_ms();
  while (!done()) {
    io.restart();
    io.run_one_for(slice);
    bool moved = exchange.connection->sent_bytes() != sent || exchange.received_bytes != received;
    sent = exchange.connection->sent_bytes();
    received = exchange.received_bytes;
    if (moved) moved_at_ms = monotonic_ms();
    if (done() || monotonic_ms() - moved_at_ms < patience.silence_timeout_ms) continue;
    exchange.connection->close();
    return fail(ErrorCode::kTimeout, fmt::format("{}: nothing came or went for {}", to_string(exchange.place),
                                                 human_duration(patience.silence_timeout_ms)));
  }
  return {};
}

// For the next question, if its answer is whole and the server keeps the connection open.
void HttpCaller::Impl::give_back(HttpExchange& exchange) {
  bool whole = exchange.ended && exchange.ended->status;
  if (!whole || !exchange.connection->reusable()) {
    exchange.connection->close();
    return;
  }
  if (idle) idle->close();
  idle = exchange.connection;
  idle_place = exchange.place;
}

HttpCaller::HttpCaller(const std::string& ca_file, const Patience& patience)
    : impl_(std::make_unique<Impl>(ca_file, patience)) {}

HttpCaller::~HttpCaller() {
  if (impl_->idle) impl_->idle->close();
}

Result<std::unique_ptr<HttpAnswer>> HttpCaller::ask(const HttpPlace& place, const std::string& head,
                                                    std::string_view body) {
  if (place.tls && !impl_->secure.tls) return fail(impl_->secure.tls.error());
  while (true) {
    bool reused = false;
    std::shared_ptr<HttpConnection> connection = impl_->connect(place, reused);
    std::shared_ptr<HttpExchange> exchange = impl_->begin(place, std::move(connection), head, body);
    auto answer = std::make_unique<HttpAnswer>(*this, exchange);
    Status heard = impl_->run_until(*exchange, [&] { return exchange->head || exchange->ended; });
    if (!heard) return fail(heard.error());
    if (exchange->head) return answer;
    // A server may close what was idle at any moment.
    if (reused && !exchange->ended->answered) continue;
    Error error = exchange->ended->status ? Error{ErrorCode::kCorrupt, "an answer without a head"}
                                          : exchange->ended->status.error();
    // What the name of a host is not, is no object that is not there.
    if (error.code == ErrorCode::kNotFound) error.code = ErrorCode::kUnavailable;
    return fail(error.code, fmt::format("{}: {}", to_string(place), error.message));
  }
}

HttpAnswer::HttpAnswer(HttpCaller& caller, std::shared_ptr<HttpExchange> exchange)
    : caller_(caller), exchange_(std::move(exchange)) {}

HttpAnswer::~HttpAnswer() { caller_.impl_->give_back(*exchange_); }

const HttpHead& HttpAnswer::head() const { return *exchange_->head; }

Result<size_t> HttpAnswer::read(char* to, size_t size_bytes) {
  HttpExchange& mine = *exchange_;
  if (!mine.has_bytes()) {
    mine.received.clear();
    mine.given = 0;
    Status heard = caller_.impl_->run_until(mine, [&] { return mine.has_bytes() || mine.ended; });
    if (!heard) return fail(heard.error());
  }
  if (mine.has_bytes()) {
    size_t size = mine.received.copy(to, size_bytes, mine.given);
    mine.given += size;
    return size;
  }
  if (mine.ended->status) return 0;
  const Error& error = mine.ended->status.error();
  return fail(error.code, fmt::format("{}: {}", to_string(mine.place), error.message));
}

Result<std::string> HttpAnswer::read_all(size_t max_size_bytes) {
  constexpr size_t block_bytes = size_t{16} << 10;
  std::string text;
  std::string block(block_bytes, '\0');
  while (true) {
    Result<size_t> got = read(block.data(), block.size());
    if (!got) return fail(got.error());
    if (*got == 0) return text;
    text.append(block, 0, *got);
    if (text.size() > max_size_bytes) {
      return fail(ErrorCode::kExhausted,
                  fmt::format("{}: its answer is larger than {}", to_string(exchange_->place),
                              human_bytes(static_cast<int64_t>(max_size_bytes))));
    }
  }
}

}  // namespace keyway::backup::s3
