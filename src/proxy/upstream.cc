#include "proxy/upstream.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/format.h"
#include "base/strings.h"
#include "proxy/client.h"
#include "proxy/socket.h"
#include "resp/command.h"

namespace keyway::proxy {

namespace {

constexpr size_t kMinReadBytes = size_t{8} << 10;
constexpr int64_t kMaxPauseMs = 200;
constexpr std::string_view kAsking = "*1\r\n$6\r\nASKING\r\n";

// By a server's answer to HELLO.
bool is_replica(std::string_view hello) {
  constexpr std::string_view kRole = "\r\nrole\r\n";
  size_t at = hello.find(kRole);
  return at != std::string_view::npos && !hello.substr(at + kRole.size()).starts_with("$6\r\nmaster");
}

}  // namespace

Upstream::Upstream(Loop& loop, const Limits& limits, UpstreamOwner& owner, Target target)
    : loop_(loop),
      limits_(limits),
      owner_(owner),
      target_(std::move(target)),
      stats_(owner.stats_of(target_.address)),
      out_(loop.pool()) {
  stats_->connections.add();
}

Upstream::~Upstream() = default;

void Upstream::open() {
  waits_from_now();
  Result<Address> way = way_to(target_.detours, target_.address);
  Result<int> fd = way ? begin_connect(*way) : fail(way.error());
  if (!fd) return close(fd.error().message);
  transport_.attach(*fd);
  wants_write_ = true;
  if (Status added = loop_.poller().add(*fd, *this, {true, true}); !added) close(added.error().message);
}

void Upstream::connected() {
  int failed = 0;
  socklen_t size = sizeof failed;
  getsockopt(transport_.fd(), SOL_SOCKET, SO_ERROR, &failed, &size);
  if (failed != 0) return close(errno_text(failed));
  if (target_.tls == nullptr) return greet();
  state_ = State::kHandshaking;
  transport_.connect_tls(target_.tls, target_.address.host);
  shake_hands();
}

void Upstream::shake_hands() {
  switch (transport_.handshake()) {
    case Transport::Handshake::kDone:
      return greet();
    case Transport::Handshake::kWantsRead:
      return want(true, false);
    case Transport::Handshake::kWantsWrite:
      return want(false, true);
    case Transport::Handshake::kFailed:
      return close(transport_.why());
  }
}

// What was queued before the connection stood comes after AUTH and HELLO.
void Upstream::greet() {
  std::string greeting;
  const Account& account = target_.account;
  if (!account.empty()) {
    resp::append(greeting, {"AUTH", account.user.empty() ? "default" : account.user, account.password});
    ++greetings_;
  }
  const int before_hello = greetings_;
  if (target_.resp3 || target_.must_be_primary) {
    resp::append(greeting, {"HELLO", target_.resp3 ? "3" : "2"});
    ++greetings_;
  }
  for (const resp::Command& command : greeting_commands_) {
    resp::append(greeting, command);
    ++greetings_;
  }
  if (wants_id) {
    resp::append(greeting, {"CLIENT", "ID"});
    ++greetings_;
  }
  if (target_.reads_only) {
    resp::append(greeting, {"READONLY"});
    ++greetings_;
  }
  role_at_ = target_.must_be_primary ? greetings_ - before_hello : 0;
  state_ = State::kGreeting;
  want(true, false);
  if (greetings_ == 0) return become_ready();
  // A fresh socket takes so few bytes at once.
  if (!transport_.write_at_once(greeting)) close(transport_.why());
}

void Upstream::take_greeting(std::string_view reply) {
  const bool tells_role = greetings_ == role_at_;
  if (tells_role && is_replica(reply)) return close("it is no primary any more");
  // Who may not ask is served as before.
  const bool in_vain = tells_role && !target_.resp3;
  if (wants_id && greetings_ == 1) {
    learn_id(reply);
  } else if (reply.starts_with('-') && !in_vain) {
    denied_ = !reply.starts_with("-LOADING");
    return close(std::string(reply.substr(1, reply.find('\r') - 1)));
  }
  --greetings_;
  if (greetings_ == 0) become_ready();
}

void Upstream::learn_id(std::string_view reply) {
  if (reply.starts_with(':')) server_id_ = parse_uint(reply.substr(1, reply.size() - 3)).value_or(0);
}

void Upstream::become_ready() {
  state_ = State::kReady;
  was_open_ = true;
  owner_.opened(*this);
  flush();
}

void Upstream::send(Request* request) {
  if (line_.empty()) waits_from_now();
  request->skipped = 0;
  if (request->ask) {
    out_.append(kAsking);
    queued_end_ += kAsking.size();
  }
  out_.append(request->bytes);
  queued_end_ += request->bytes.size_bytes;
  request->sent_end = queued_end_;
  request->sent_us = loop_.now_us();
  line_.push(request);
  loop_.flush_server_later(*this);
}

void Upstream::begin(Request* request) {
  Slice rest = std::exchange(request->bytes, {});
  send(request);
  request->bytes = std::move(rest);
  request->sent_end = Request::kUnfinished;
}

void Upstream::say(const Slice& bytes) {
  if (out_.empty()) waits_from_now();
  out_.append(bytes);
  queued_end_ += bytes.size_bytes;
  loop_.flush_server_later(*this);
}

void Upstream::flush() {
  if (state_ != State::kReady) return;
  size_t written = 0;
  Written outcome = transport_.write(out_, written);
  written_ += written;
  stats_->sent_bytes.add(written);
  note_depth();
  if (outcome == Written::kFailed) return close(transport_.why());
  want(true, !out_.empty() || transport_.read_wants_write());
  if (client != nullptr) [[unlikely]]
    client->server_took();
}

void Upstream::want(bool read, bool write) {
  if (wants_read_ == read && wants_write_ == write) return;
  wants_read_ = read;
  wants_write_ = write;
  watch();
}

void Upstream::note_depth() {
  stats_->in_flight.add(line_.size() - noted_depth_);  // may be less: it wraps around and back
  noted_depth_ = line_.size();
}

void Upstream::watch() {
  bool reads = wants_read_ && !paused_;
  loop_.poller().change(transport_.fd(), *this, {reads, wants_write_, reads});
}

void Upstream::pause(const Request& request) {
  if (paused_ || state_ != State::kReady) return;
  if (held_end_ != request.sent_end) held_ms_ = 0;
  held_end_ = request.sent_end;
  paused_ = true;
  paused_since_ms_ = loop_.now_ms();
  watch();
}

void Upstream::go_on() {
  if (!paused_ || state_ != State::kReady) return;
  paused_ = false;
  held_ms_ += loop_.now_ms() - paused_since_ms_;
  waits_from_now();
  watch();
  if (transport_.has_more()) loop_.read_on_later(*this);
}

void Upstream::ready(const Readiness& readiness) {
  if (state_ == State::kClosed) return;
  if (state_ == State::kConnecting) {
    if (readiness.writable || readiness.broken) connected();
    return;
  }
  if (state_ == State::kHandshaking) return shake_hands();
  if (readiness.broken && paused_) return close("the server closed the connection");
  bool reads = readiness.readable || readiness.half_closed || readiness.broken ||
               (readiness.writable && transport_.read_wants_write());
  if (reads && !paused_) read();
  if (readiness.writable && state_ != State::kClosed) flush();
}

void Upstream::read() {
  const ChunkRef& chunk = loop_.read_chunk(held_.size() + kMinReadBytes);
  char* begin = chunk->tail();
  size_t held_bytes = held_.size();
  if (held_bytes > 0) std::memcpy(begin, held_.data(), held_bytes);
  ssize_t got = transport_.read(begin + held_bytes, chunk->room_bytes() - held_bytes);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    if (transport_.read_wants_write()) want(true, true);
    return;
  }
  if (got <= 0) return close(got == 0 ? "the server closed the connection" : transport_.why());
  stats_->received_bytes.add(static_cast<uint64_t>(got));
  size_t size = held_bytes + static_cast<size_t>(got);
  ChunkRef kept = chunk;
  kept->used_bytes += size;
  waits_from_now();
  std::string_view view(begin, size);
  size_t taken = take(view, kept);
  if (state_ == State::kClosed) return;
  note_depth();
  if (taken < size || held_bytes > 0) held_.assign(view.substr(taken));
  if (transport_.has_more() && !paused_) loop_.read_on_later(*this);
}

// Takes replies from `view`, which is in `chunk`. Gives how many bytes it took; fewer than all only if an
// unfinished line is left.
size_t Upstream::take(std::string_view view, const ChunkRef& chunk) {
  size_t at = 0;
  while (at < view.size() && state_ != State::kClosed) {
    std::string_view rest = view.substr(at);
    ReplyScanner::Step step = scanner_.scan(rest);
    if (step.state == ReplyScanner::State::kBroken) {
      close("it answered with what is no reply");
      break;
    }
    at += step.taken_bytes;
    bool whole = step.state == ReplyScanner::State::kWhole;
    if (step.taken_bytes == 0) break;
    if (!take_piece({chunk, rest.data(), step.taken_bytes}, whole)) break;
    if (!whole) break;
  }
  return at;
}

// False: the connection had to be closed.
bool Upstream::take_piece(const Slice& piece, bool whole) {
  bool begins_push = !in_frame_ && greeting_.empty() && *piece.data == '>';
  if (greetings_ > 0 && !in_frame_ && !begins_push) {
    greeting_.append(piece.text());
    if (whole) take_greeting(std::exchange(greeting_, {}));
    return state_ != State::kClosed;
  }
  Request* front = line_.front();
  bool begins = !in_frame_ && (front == nullptr || (front->reply.size_bytes == 0 && !front->streaming));
  if (begins) in_frame_ = listens_only_ || *piece.data == '>';
  if (in_frame_) {
    frame_.add_reply(piece);
    if (!whole) return true;
    in_frame_ = false;
    owner_.told(*this, frame_);
    frame_.drop_reply();
    return state_ != State::kClosed;
  }
  if (front == nullptr) {
    close("it answered what nobody had asked");
    return false;
  }
  front->add_reply(piece);
  if (whole) {
    take_reply();
  } else {
    owner_.reply_grew(*this, *front);
  }
  return state_ != State::kClosed;
}

void Upstream::take_reply() {
  Request* request = line_.front();
  if (request->skipped < request->skip + (request->ask ? 1U : 0U)) {
    ++request->skipped;
    if (request->has_error_reply() && request->early_error.size_bytes == 0)
      request->early_error = request->reply;
    if (exclusive && server_id_ == 0) learn_id(request->reply.text());
    return request->drop_reply();
  }
  request = line_.pop();
  request->answered_by = stats_.get();
  if (request->command != nullptr) {
    auto took_us = static_cast<uint64_t>(loop_.now_us() - request->sent_us);
    stats_->latency[static_cast<size_t>(class_of(*request->command))].add(took_us);
  }
  if (request->has_error_reply()) stats_->errors.add();
  owner_.replied(*this, request);
}

// A blocking command says itself for how long.
bool Upstream::may_wait(const Request& request) const {
  return exclusive && request.command != nullptr && request.command->has(resp::command_flag::kBlocking);
}

void Upstream::check_age() {
  if (state_ == State::kClosed) return;
  int64_t now_ms = loop_.now_ms();
  if (paused_) {
    if (!exclusive && held_ms_ + now_ms - paused_since_ms_ > kMaxPauseMs) owner_.held_too_long(*this);
    return;
  }
  if (state_ == State::kReady && (line_.empty() || may_wait(*line_.front()))) return;
  // The client is slow, and not the server.
  if (state_ == State::kReady && line_.front()->sent_end == Request::kUnfinished && out_.empty()) return;
  int64_t limit_ms = state_ == State::kReady ? limits_.server_silence_ms : limits_.connect_timeout_ms;
  if (now_ms - waiting_since_ms_ > limit_ms)
    close(fmt::format("no answer for {} ms", now_ms - waiting_since_ms_));
}

void Upstream::close_unneeded(const std::string& why) {
  unneeded_ = true;
  close(why);
}

void Upstream::close(const std::string& why) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  if (transport_.fd() >= 0) loop_.poller().remove(transport_.fd());
  transport_.close();
  stats_->connections.subtract();
  stats_->in_flight.subtract(std::exchange(noted_depth_, 0));
  out_.clear();
  frame_.drop_reply();
  owner_.lost(*this, why);
}

}  // namespace keyway::proxy
