#include "proxy/client.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/format.h"
#include "proxy/dispatcher.h"
#include "proxy/gather.h"
#include "proxy/mailroom.h"
#include "proxy/router.h"
#include "proxy/services.h"
#include "proxy/socket.h"

namespace keyway::proxy {

namespace {

constexpr size_t kMinReadBytes = size_t{8} << 10;
// What is held of an unfinished command is copied before the next bytes are read, up to so much.
constexpr size_t kMaxCopyBytes = size_t{8} << 10;
constexpr size_t kFirstLargeBytes = size_t{1} << 20;
// Of a command of those who may not do anything yet.
constexpr size_t kMaxBeforeLoginBytes = size_t{16} << 10;

}  // namespace

Client::Client(Services& services, int fd, uint64_t id)
    : services_(services),
      transport_(fd),
      id_(id),
      address_(peer_of(fd)),
      local_(local_of(fd)),
      out_(services.loop.pool()) {
  active_ms_ = services.loop.now_ms();
  session_.since_ms = active_ms_;
}

Client::~Client() = default;

Status Client::open() {
  session_.lane = services_.router.enter(services_.anonymous, false);
  if (session_.lane == nullptr) return fail(ErrorCode::kExhausted, "too many accounts are in use");
  session_.must_log_in = services_.login_required;
  if (Status added = services_.loop.poller().add(transport_.fd(), *this, interest_); !added) return added;
  if (services_.tls == nullptr) return {};
  transport_.accept_tls(services_.tls);
  services_.handshakes.begin(*this, services_.loop.now_ms());
  return {};
}

int64_t Client::idle_s() const { return (services_.loop.now_ms() - active_ms_) / 1000; }

int64_t Client::age_s() const { return (services_.loop.now_ms() - session_.since_ms) / 1000; }

const Upstream* Client::blocking_server() const {
  bool blocks = exclusive_ != nullptr && exclusive_->leased && large_ == nullptr &&
                exclusive_->skipped == exclusive_->skip;
  return blocks ? exclusive_->carrier : nullptr;
}

void Client::ready(const Readiness& readiness) {
  if (state_ == State::kClosed) return;
  if (transport_.shakes_hands()) return shake_hands();
  // One that waits for an answer to what it has sent in large pieces may have said all.
  bool waits = exclusive_ != nullptr && large_ == nullptr;
  if (readiness.broken || (readiness.half_closed && waits)) return close();
  if (readiness.readable || readiness.half_closed) {
    if (stuck_ || half_closed_ || state_ != State::kOpen) {
      interest_.readable = false;
      interest_.half_closed = waits;
      watch();
    } else {
      read();
    }
  }
  if (!readiness.writable || state_ == State::kClosed) return;
  bool reads_on = transport_.read_wants_write() && !stuck_ && !half_closed_ && state_ == State::kOpen;
  flush();
  if (reads_on && state_ == State::kOpen) read();
}

void Client::shake_hands() {
  switch (transport_.handshake()) {
    case Transport::Handshake::kDone:
      services_.stats.tls_handshakes.add();
      services_.handshakes.end(*this);
      want({true, false});
      return read();
    case Transport::Handshake::kWantsRead:
      return want({true, false});
    case Transport::Handshake::kWantsWrite:
      return want({false, true, false});
    case Transport::Handshake::kFailed:
      return handshake_failed(transport_.why());
  }
}

void Client::handshake_failed(const std::string& why) {
  services_.stats.tls_failures.add();
  services_.handshakes.log_failure(to_string(address_), why, services_.loop.now_ms());
  close();
}

void Client::watch() { services_.loop.poller().change(transport_.fd(), *this, interest_); }

void Client::want(Interest interest) {
  if (interest_ == interest) return;
  interest_ = interest;
  watch();
}

ChunkRef Client::input_room() {
  size_t held_bytes = input_.size_bytes;
  if (held_bytes == 0) return services_.loop.read_chunk(kMinReadBytes);
  if (held_bytes <= kMaxCopyBytes && wanted_bytes_ <= ChunkPool::kChunkBytes) {
    ChunkRef chunk = services_.loop.read_chunk(held_bytes + kMinReadBytes);
    std::memcpy(chunk->tail(), input_.data, held_bytes);
    input_.data = chunk->tail();
    chunk->used_bytes += held_bytes;
    input_.chunk = chunk;
    return chunk;
  }
  if (input_.chunk->room_bytes() == 0) keep_rest(2 * held_bytes);
  return input_.chunk;
}

// Moves what is held to a chunk of its own, with room for as much as the command wants.
void Client::keep_rest(size_t wanted_bytes) {
  ChunkRef chunk = services_.loop.pool().take(std::max(wanted_bytes, input_.size_bytes));
  std::memcpy(chunk->bytes(), input_.data, input_.size_bytes);
  chunk->used_bytes = input_.size_bytes;
  input_.data = chunk->bytes();
  input_.chunk = std::move(chunk);
}

void Client::read() {
  ChunkRef chunk = input_room();
  char* tail = chunk->tail();
  ssize_t got = transport_.read(tail, chunk->room_bytes());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    if (transport_.read_wants_write()) want({interest_.readable, true, interest_.half_closed});
    return;
  }
  if (got < 0) return close();
  if (got == 0 && large_ != nullptr) return close();  // it will never be whole
  if (got == 0) {
    half_closed_ = true;
    interest_.readable = interest_.half_closed = false;
    watch();
    return end_if_done();
  }
  auto size = static_cast<size_t>(got);
  services_.stats.received_bytes.add(size);
  chunk->used_bytes += size;
  if (input_.size_bytes == 0) input_ = {std::move(chunk), tail, 0};
  input_.size_bytes += size;
  active_ms_ = services_.loop.now_ms();
  parse();
}

bool Client::may_parse() const {
  const Limits& limits = services_.limits;
  bool reads_again = passed_ != nullptr && passed_->reads_again;
  return exclusive_ == nullptr && waiting_ == 0 && !reads_again && line_.size() < limits.max_in_flight &&
         in_flight_bytes_ < limits.max_in_flight_bytes && out_.size_bytes() < limits.client_pause_bytes;
}

size_t Client::max_request_bytes() const {
  size_t most_bytes = services_.limits.max_request_bytes;
  return session_.must_log_in ? std::min(most_bytes, kMaxBeforeLoginBytes) : most_bytes;
}

void Client::consume(size_t size_bytes) {
  input_.data += size_bytes;
  input_.size_bytes -= size_bytes;
  progress_ = {};
  wanted_bytes_ = 0;
  keeps_whole_ = false;
}

void Client::parse() {
  stuck_ = false;
  if (large_ != nullptr) [[unlikely]]
    take_large();
  if (large_ == nullptr && !stuck_) take_commands();
  if (input_.size_bytes == 0) {
    input_.chunk = ChunkRef();
  } else if (!stuck_ && state_ == State::kOpen &&
             (input_.chunk->users > 1 || input_.chunk->room_bytes() == 0)) {
    keep_rest(std::min(wanted_bytes_, std::max(kFirstLargeBytes, 4 * input_.size_bytes)));
  }
  if (!stuck_ && !interest_.readable && !half_closed_ && state_ == State::kOpen) {
    interest_.readable = interest_.half_closed = true;
    watch();
  }
  if (!stuck_ && transport_.has_more() && state_ == State::kOpen) services_.loop.read_on_later(*this);
  if (half_closed_) end_if_done();
}

void Client::take_commands() {
  CommandView command;
  while (input_.size_bytes > 0 && state_ == State::kOpen && !closing_) {
    if (!may_parse()) {
      stuck_ = true;
      break;
    }
    RequestScan scan = services_.scan(input_.text(), max_request_bytes(), progress_);
    if (scan.state == ScanState::kBroken) {
      bool shows_character = scan.got > ' ' && scan.got <= '~';
      reply(shows_character ? fmt::format("-ERR {} '{}'\r\n", scan.problem, scan.got)
                            : fmt::format("-ERR {}\r\n", scan.problem));
      return close_when_answered();
    }
    if (scan.state == ScanState::kPartial) return take_beginning(scan.wanted_bytes);
    if (services_.arguments.empty()) {
      consume(scan.size_bytes);
      continue;
    }
    command.arguments = services_.arguments;
    command.bytes = {input_.chunk, input_.data, scan.size_bytes};
    command.is_inline = scan.is_inline;
    command.more_follow = input_.size_bytes > scan.size_bytes;
    if (services_.dispatcher.handle(*this, command) == Verdict::kHold) {
      stuck_ = true;
      break;
    }
    if (state_ != State::kOpen) break;  // it was the last one; what followed it is dropped
    consume(scan.size_bytes);
  }
}

void Client::go_on() {
  if (state_ == State::kClosed) return;
  if (closing_) return close();
  if (stuck_ && (large_ != nullptr || may_parse())) parse();
}

Request* Client::add(const resp::CommandSpec* command, Slice bytes) {
  Request* request = services_.loop.requests().take();
  request->client = this;
  request->lane = session_.lane;
  request->command = command;
  request->held_bytes = bytes.size_bytes;
  in_flight_bytes_ += bytes.size_bytes;
  request->bytes = std::move(bytes);
  request->begun_us = services_.loop.now_us();
  request->silent = session_.silent();
  line_.push(request);
  if (!session_.caching.empty() && request->bytes.size_bytes > 0) put_before(session_.caching, *request);
  return request;
}

// Another command, whose answer the client does not see.
void Client::put_before(std::string_view command, Request& request) {
  std::string text(command);
  text += request.bytes.text();
  request.bytes = copy_of(text, services_.loop.pool());
  ++request.skip;
}

Request* Client::add_whole(const resp::CommandSpec* command, size_t size_bytes) {
  Request* request = add(command, {});
  request->held_bytes = size_bytes;
  in_flight_bytes_ += size_bytes;
  return request;
}

void Client::reply(std::string_view bytes) {
  bool silent = session_.silent();
  services_.stats.own_answers.add();
  if (bytes.starts_with('-')) services_.stats.errors.add();
  if (!line_.empty() || session_.awaited > 0) {
    Request* request = add(nullptr, {});
    request->reply = copy_of(bytes, services_.loop.pool());
    request->done = true;
    return;
  }
  if (silent) return;
  out_.append(bytes);
  services_.loop.flush_client_later(*this);
}

void Client::append_answer(Request* request) {
  in_flight_bytes_ -= request->held_bytes;
  if (request->gather != nullptr) {
    if (!request->silent) merge_replies(*request->gather, services_.loop.pool(), out_);
    return discard_gather(request, services_.loop.requests());
  }
  if (!request->silent && request->reply.size_bytes > 0) {
    out_.append(request->reply);
    for (const Slice& piece : request->more_reply) out_.append(piece);
  }
  services_.loop.requests().give_back(request);
}

void Client::answered(Request* request) {
  request->done = true;
  if (passed_ != nullptr && line_.front() == request) end_stream(*request);
  count(*request);
  if (request == exclusive_) exclusive_ = nullptr;
  if (request->follow_up != FollowUp::kNone) services_.dispatcher.answered(*this, *request);
  if (line_.front() == request) take_answers();
}

void Client::await(Request& request) {
  request.done = false;
  exclusive_ = &request;
}

void Client::begin_again(Request& request) {
  await(request);
  services_.router.send(&request);
}

void Client::count(const Request& request) {
  if (request.command == nullptr) return;
  auto took_us = static_cast<uint64_t>(services_.loop.now_us() - request.begun_us);
  services_.stats.latency[static_cast<size_t>(class_of(*request.command))].add(took_us);
  if (request.has_error_reply()) services_.stats.errors.add();
  services_.stats.traffic.answered(request, took_us, static_cast<uint64_t>(services_.limits.slow_us),
                                   address_);
}

void Client::take_answers() {
  // The answers to SUBSCRIBE and its like do not stand in line; what was asked after them comes after them.
  if (session_.awaited > 0) return;
  while (!line_.empty() && line_.front()->done) append_answer(line_.pop());
  if (!told_.empty()) append_told();
  if (out_.size_bytes() > services_.limits.max_client_bytes) close_later();
  services_.loop.flush_client_later(*this);
  if (stuck_) services_.loop.go_on_later(*this);
}

void Client::hold(bool held) {
  if (held == held_) return;
  held_ = held;
  services_.mailroom.count_held(held ? 1 : -1);
}

void Client::request_waits_no_more() {
  --waiting_;
  if (waiting_ == 0 && stuck_) services_.loop.go_on_later(*this);
}

void Client::flush() {
  if (state_ == State::kClosed) return;
  size_t written = 0;
  if (transport_.write(out_, written) == Written::kFailed) return close();
  services_.stats.sent_bytes.add(written);
  size_t low_bytes = services_.limits.client_pause_bytes / 2;
  if (held_server_ != nullptr && out_.size_bytes() < low_bytes) {
    held_server_->held_for = nullptr;
    std::exchange(held_server_, nullptr)->go_on();
  }
  if (stuck_ && out_.size_bytes() < low_bytes) services_.loop.go_on_later(*this);
  want({interest_.readable, !out_.empty() || transport_.read_wants_write(), interest_.half_closed});
  end_if_done();
}

void Client::close_when_answered() {
  if (state_ != State::kOpen) return;
  if (large_ != nullptr) {
    large_->is_last = true;
    return;
  }
  state_ = State::kEnding;
  input_ = {};
  services_.loop.flush_client_later(*this);
}

// It has said all and has been told all.
void Client::end_if_done() {
  bool ends = state_ == State::kEnding || (half_closed_ && !stuck_);
  if (!ends || !line_.empty()) return;
  if (session_.listens() && state_ != State::kEnding) return close();
  if (out_.empty()) close();
}

void Client::close_later() {
  closing_ = true;
  services_.loop.go_on_later(*this);
}

void Client::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  hold(false);
  services_.loop.poller().remove(transport_.fd());
  if (transport_.shakes_hands()) services_.handshakes.end(*this);
  transport_.close();
  if (held_server_ != nullptr) {
    held_server_->held_for = nullptr;
    std::exchange(held_server_, nullptr)->go_on();
  }
  while (!line_.empty()) services_.router.abandon(line_.pop());
  give_up_all();
  large_.reset();
  services_.router.leave(*session_.lane);
  if (session_.next_lane != nullptr) services_.router.leave(*session_.next_lane, true);
  out_.clear();
  input_ = {};
  services_.clients.closed(*this);
}

}  // namespace keyway::proxy
