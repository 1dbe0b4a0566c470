#include "proxy/passage.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/socket.h"

namespace keyway::proxy {

namespace {

constexpr size_t kMinReadBytes = size_t{8} << 10;
constexpr size_t kMaxExpectations = 1024;  // of replies to CLUSTER commands that one client may wait for

// Puts what is passed on into a queue without copying it.
class IntoQueue : public TranslatedBytes {
 public:
  IntoQueue(SliceQueue& queue, const ChunkRef& chunk) : queue_(queue), chunk_(chunk) {}
  void pass(std::string_view bytes) override { queue_.append(Slice{chunk_, bytes.data(), bytes.size()}); }
  void say(std::string_view bytes) override { queue_.append(bytes); }

 private:
  SliceQueue& queue_;
  const ChunkRef& chunk_;
};

}  // namespace

Passage::Passage(Loop& loop, const Limits& limits, Stats& stats, Passages& owner, int fd, Address server)
    : loop_(loop),
      limits_(limits),
      stats_(stats),
      owner_(owner),
      server_(std::move(server)),
      here_(local_of(fd).host),
      since_ms_(loop.now_ms()),
      client_{fd, SliceQueue(loop.pool()), {false, false, false}},
      upstream_{-1, SliceQueue(loop.pool()), {true, true, false}},
      server_end_(*this) {}

Passage::~Passage() {
  if (client_.fd >= 0) ::close(client_.fd);
  if (upstream_.fd >= 0) ::close(upstream_.fd);
}

Status Passage::open(const std::shared_ptr<const Detours>& detours) {
  Result<Address> way = way_to(detours, server_);
  Result<int> fd = way ? begin_connect(*way) : fail(way.error());
  if (!fd) return fail(fd.error());
  upstream_.fd = *fd;
  if (Status added = loop_.poller().add(upstream_.fd, server_end_, upstream_.interest); !added) return added;
  // What the client says is read when there is somebody to hear it.
  return loop_.poller().add(client_.fd, *this, client_.interest);
}

void Passage::connected() {
  int failed = 0;
  socklen_t size = sizeof failed;
  getsockopt(upstream_.fd, SOL_SOCKET, SO_ERROR, &failed, &size);
  if (failed != 0) {
    owner_.look_again();
    return close();
  }
  state_ = State::kOpen;
  watch();
}

void Passage::ready(const Readiness& readiness) {
  if (state_ == State::kClosed) return;
  if (readiness.broken) return close();
  if ((readiness.readable || readiness.half_closed) && client_.interest.readable) read_client();
  if (readiness.writable && state_ != State::kClosed) flush();
}

void Passage::server_ready(const Readiness& readiness) {
  if (state_ == State::kConnecting) {
    if (readiness.writable || readiness.broken) connected();
    return;
  }
  if (state_ != State::kOpen) return;
  // What a broken connection still holds is bounded by the socket's buffer.
  if (readiness.broken) {
    while (read_server()) {
    }
    return state_ == State::kOpen ? server_ended() : void();
  }
  if ((readiness.readable || readiness.half_closed) && upstream_.interest.readable) read_server();
  if (readiness.writable && state_ == State::kOpen) flush_server();
}

void Passage::read_client() {
  ChunkRef chunk = loop_.read_chunk(kMinReadBytes);
  char* begin = chunk->tail();
  ssize_t got = recv(client_.fd, begin, chunk->room_bytes(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got < 0) return close();
  if (got == 0) {
    client_ended_ = true;
    loop_.flush_server_later(server_end_);
    return watch();
  }
  auto size = static_cast<size_t>(got);
  stats_.received_bytes.add(size);
  chunk->used_bytes += size;
  requests_.take({begin, size}, [this](const Expected& expected) { replies_.expect(expected); });
  upstream_.out.append(Slice{chunk, begin, size});
  loop_.flush_server_later(server_end_);
}

// Whether something came.
bool Passage::read_server() {
  ChunkRef chunk = loop_.read_chunk(held_.size() + kMinReadBytes);
  char* begin = chunk->tail();
  size_t held_bytes = held_.size();
  if (held_bytes > 0) std::memcpy(begin, held_.data(), held_bytes);
  ssize_t got = recv(upstream_.fd, begin + held_bytes, chunk->room_bytes() - held_bytes, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0) {
    server_ended();
    return false;
  }
  size_t size = held_bytes + static_cast<size_t>(got);
  chunk->used_bytes += size;
  take_from_server({begin, size}, chunk);
  return true;
}

void Passage::take_from_server(std::string_view bytes, const ChunkRef& chunk) {
  IntoQueue out(client_.out, chunk);
  Translating with{owner_.nodes(), here_, server_.host};
  size_t taken = replies_.take(bytes, with, out);
  held_.assign(bytes.substr(taken));
  if (with.unknown) owner_.look_again();
  loop_.flush_client_later(*this);
}

void Passage::server_ended() {
  state_ = State::kServerEnded;
  IntoQueue out(client_.out, {});
  replies_.end(out);
  client_.out.append(held_);
  held_.clear();
  loop_.poller().remove(upstream_.fd);
  ::close(upstream_.fd);
  upstream_.fd = -1;
  upstream_.out.clear();
  loop_.flush_client_later(*this);
  watch();
}

// False: the other end has gone.
bool Passage::write(End& end) {
  size_t written = 0;
  Written outcome = write_queue(end.fd, end.out, written);
  if (&end == &client_) stats_.sent_bytes.add(written);
  end.blocked = outcome == Written::kSome;
  return outcome != Written::kFailed;
}

void Passage::flush() {
  if (state_ == State::kClosed || state_ == State::kConnecting) return;
  if (!write(client_)) return close();
  watch();
  end_if_done();
}

void Passage::flush_server() {
  if (state_ != State::kOpen) return;
  // A server that takes nothing more may have said why.
  if (!write(upstream_)) upstream_.out.clear();
  if (client_ended_ && !end_told_ && upstream_.out.empty()) {
    end_told_ = true;
    shutdown(upstream_.fd, SHUT_WR);
  }
  watch();
}

void Passage::end_if_done() {
  bool said_all = state_ == State::kServerEnded && client_.out.empty();
  bool answered = leaving_ && replies_.nothing_owed() && client_.out.empty() && upstream_.out.empty();
  if (said_all || answered) close();
}

void Passage::watch() {
  size_t limit_bytes = limits_.client_pause_bytes;
  bool open = state_ == State::kOpen;
  bool reads_client = open && !client_ended_ && !leaving_ && upstream_.may_take(limit_bytes) &&
                      replies_.expectations() < kMaxExpectations;
  watch(client_, *this, reads_client);
  if (open) watch(upstream_, server_end_, client_.may_take(limit_bytes));
}

void Passage::watch(End& end, Pollable& owner, bool reads) {
  Interest wanted{reads, end.blocked, reads};
  if (end.fd < 0 || wanted == end.interest) return;
  end.interest = wanted;
  loop_.poller().change(end.fd, owner, wanted);
}

void Passage::close_when_answered() {
  leaving_ = true;
  if (state_ == State::kConnecting) return close();
  watch();
  loop_.flush_client_later(*this);
}

void Passage::check_age() {
  if (state_ == State::kConnecting && loop_.now_ms() - since_ms_ > limits_.connect_timeout_ms) {
    owner_.look_again();
    close();
  }
}

void Passage::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  loop_.poller().remove(client_.fd);
  ::close(client_.fd);
  client_.fd = -1;
  client_.out.clear();
  if (upstream_.fd >= 0) {
    loop_.poller().remove(upstream_.fd);
    ::close(upstream_.fd);
    upstream_.fd = -1;
  }
  upstream_.out.clear();
  owner_.closed(*this);
}

}  // namespace keyway::proxy
