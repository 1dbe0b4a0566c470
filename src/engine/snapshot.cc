#include "engine/snapshot.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <utility>

#include "base/format.h"
#include "engine/channel.h"
#include "engine/rdb_transfer.h"

namespace keyway::engine {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTick = std::chrono::milliseconds(100);
constexpr size_t kReceiveBytes = size_t{256} << 10;
constexpr int kReadsInARow = 8;
constexpr size_t kMaxLineBytes = 4096;

// One synchronisation. The server is told only what keeps it from sending more than the data set; an older
// one that does not know `rdb-only` sends its writes too, which are left unread.
class Replication : public Channel {
 public:
  // `received` is for bytes on their way from a socket to a file; all share it.
  Replication(Dialer& dialer, const SnapshotTask& task, const SnapshotOptions& options,
              SnapshotOutcome& outcome, std::vector<char>& received)
      : Channel(dialer, task.source),
        options_(options),
        outcome_(outcome),
        sink_(task.sink),
        received_(received) {}

  void start() {
    state_ = State::kOpening;
    heard_at_ = Clock::now();
    if (Status created = sink_->begin(); !created) return give_up(created.error());
    open();
  }
  bool running() const { return state_ != State::kDone && state_ != State::kClosed; }
  int64_t size_bytes() const { return transfer_.size_bytes(); }
  void check_silence(Clock::time_point now);
  void give_up(const Error& error);

 private:
  enum class State { kNew, kOpening, kGreeting, kReceiving, kDone, kClosed };

  void opened() override;
  void readable() override;
  void writable() override { flush(); }
  void failed(const Error& error) override { give_up(error); }

  void flush();
  void take(std::string_view bytes);
  void take_greetings(std::string_view& bytes);
  void take_greeting(const std::string& line);
  void take_data(std::string_view bytes);
  Error told(const Error& error) const {
    return Error{error.code,
                 fmt::format("cannot take the data of {}: {}", to_string(address()), error.message)};
  }

  const SnapshotOptions& options_;
  SnapshotOutcome& outcome_;
  std::shared_ptr<SnapshotSink> sink_;
  std::vector<char>& received_;
  State state_ = State::kNew;
  Clock::time_point heard_at_ = {};
  std::string out_;
  size_t written_ = 0;
  std::string line_;
  bool login_expected_ = false;
  int greetings_expected_ = 0;  // answers to what is said before SYNC
  RdbTransfer transfer_;
};

void Replication::opened() {
  state_ = State::kGreeting;
  if (!options_.account.empty()) {
    resp::append(out_, login_command(options_.account));
    login_expected_ = true;
    ++greetings_expected_;
  }
  resp::append(out_, {"REPLCONF", "capa", "eof"});
  resp::append(out_, {"REPLCONF", "rdb-only", "1"});
  greetings_expected_ += 2;
  flush();
  if (running()) wait_readable();
}

void Replication::flush() {
  while (written_ < out_.size()) {
    size_t sent = write(std::string_view(out_).substr(written_));
    if (sent == 0) {
      if (is_open()) wait_writable();
      return;
    }
    written_ += sent;
  }
  out_.clear();
  written_ = 0;
}

void Replication::readable() {
  for (int reads = 0; running() && (reads < kReadsInARow || has_pending()); ++reads) {
    size_t size = read(received_.data(), received_.size());
    if (size == 0) break;
    take({received_.data(), size});
    heard_at_ = Clock::now();  // the sink may have taken its time
    if (emptied(size, received_.size())) break;
  }
  if (running()) wait_readable();
}

void Replication::take(std::string_view bytes) {
  if (state_ == State::kGreeting) take_greetings(bytes);
  if (state_ == State::kReceiving) take_data(bytes);
}

void Replication::take_greetings(std::string_view& bytes) {
  while (state_ == State::kGreeting && !bytes.empty()) {
    size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (line_.size() > kMaxLineBytes) {
      return give_up(told(Error{ErrorCode::kCorrupt, "it does not speak the servers' protocol"}));
    }
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    take_greeting(std::exchange(line_, {}));
  }
}

void Replication::take_greeting(const std::string& line) {
  resp::Reply reply;
  reply.type = line.starts_with('-') ? resp::ReplyType::kError : resp::ReplyType::kStatus;
  reply.text = line.substr(std::min<size_t>(1, line.size()), line.find('\r') - 1);
  if (std::exchange(login_expected_, false)) {
    if (std::optional<Error> refused = login_refusal(address(), options_.account, reply))
      return give_up(*refused);
  } else if (reply.error_code() == "NOPERM" || reply.error_code() == "NOAUTH") {
    return give_up(told(Error{ErrorCode::kDenied, reply.text}));
  }
  if (--greetings_expected_ > 0) return;
  state_ = State::kReceiving;
  if (options_.ask_history)
    resp::append(out_, {"PSYNC", "?", "-1"});
  else
    resp::append(out_, {"SYNC"});
  flush();
}

void Replication::take_data(std::string_view bytes) {
  Status taken = transfer_.feed(bytes, [this](std::string_view part) { return sink_->write(part); });
  outcome_.size_bytes = transfer_.size_bytes();
  outcome_.replication_id = transfer_.replication_id();
  outcome_.offset = transfer_.offset();
  if (taken && transfer_.done()) {
    taken = sink_->finish();
    if (taken) {
      state_ = State::kDone;
      return close();
    }
  }
  if (!taken) give_up(told(taken.error()));
}

void Replication::check_silence(Clock::time_point now) {
  if (!running() || now - heard_at_ < std::chrono::milliseconds(options_.silence_timeout_ms)) return;
  if (state_ == State::kOpening) return give_up(not_opened_within(options_.silence_timeout_ms));
  give_up(told(
      Error{ErrorCode::kUnavailable, fmt::format("nothing came for {} ms", options_.silence_timeout_ms)}));
}

void Replication::give_up(const Error& error) {
  if (!running()) return;
  bool in_the_middle = transfer_.begun() && error.code == ErrorCode::kUnavailable;
  state_ = State::kClosed;
  outcome_.error = error;
  if (in_the_middle) {
    outcome_.error->message += fmt::format(" (in the middle of the data, after {} bytes)", size_bytes());
  }
  close();
}

}  // namespace

std::vector<SnapshotOutcome> take_snapshots(const std::vector<SnapshotTask>& tasks,
                                            const SnapshotOptions& options) {
  boost::asio::io_context io{1};
  Dialer dialer(io, options.fleet.tls, options.fleet.connect_timeout_ms, options.fleet.name_servers);
  std::vector<char> received(kReceiveBytes);
  std::vector<SnapshotOutcome> outcomes(tasks.size());
  std::vector<std::shared_ptr<Replication>> running;
  for (size_t i = 0; i < tasks.size(); ++i) {
    running.push_back(std::make_shared<Replication>(dialer, tasks[i], options, outcomes[i], received));
  }
  for (const auto& replication : running) replication->start();
  auto any = [&] {
    return std::any_of(running.begin(), running.end(), [](const auto& one) { return one->running(); });
  };
  while (any()) {
    if (io.stopped()) io.restart();
    io.run_one_for(kTick);
    io.poll();
    int64_t size_bytes = 0;
    for (const auto& replication : running) {
      replication->check_silence(Clock::now());
      size_bytes += replication->size_bytes();
    }
    if (options.go_on && !options.go_on(size_bytes)) {
      for (const auto& replication : running) {
        replication->give_up(Error{ErrorCode::kUnavailable, "it was given up"});
      }
    }
  }
  io.restart();
  io.poll();  // what is closed lets go of itself
  return outcomes;
}

}  // namespace keyway::engine
