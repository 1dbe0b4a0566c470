#include "engine/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <utility>

#include "base/format.h"

namespace keyway::engine {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Descriptor = asio::posix::stream_descriptor;

// The first try of each server takes so long, the second twice that.
constexpr int kTryMs = 1200;
constexpr int kTries = 2;

std::vector<std::string> addresses_of(const ares_addrinfo* found) {
  std::vector<std::string> ips;
  std::array<char, INET6_ADDRSTRLEN> text{};
  for (const ares_addrinfo_node* node = found->nodes; node != nullptr; node = node->ai_next) {
    const void* bytes = nullptr;
    if (node->ai_family == AF_INET) {
      bytes = &reinterpret_cast<const sockaddr_in*>(node->ai_addr)->sin_addr;
    } else if (node->ai_family == AF_INET6) {
      bytes = &reinterpret_cast<const sockaddr_in6*>(node->ai_addr)->sin6_addr;
    } else {
      continue;
    }
    if (::inet_ntop(node->ai_family, bytes, text.data(), text.size()) != nullptr)
      ips.emplace_back(text.data());
  }
  return ips;
}

struct Question {
  std::string host;
  Resolver::Answer answer;
};

// Called by c-ares; owns the question.
void take_answer(void* data, int status, int, ares_addrinfo* found) {
  std::unique_ptr<Question> question(static_cast<Question*>(data));
  std::vector<std::string> ips;
  if (found != nullptr) {
    ips = addresses_of(found);
    ares_freeaddrinfo(found);
  }
  if (status == ARES_SUCCESS && !ips.empty()) return question->answer(ips);
  bool unknown =
      status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_SUCCESS || status == ARES_EBADNAME;
  std::string why = unknown ? "no such host name is known" : ares_strerror(status);
  question->answer(fail(unknown ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
                        fmt::format("cannot find the address of {}: {}", question->host, why)));
}

}  // namespace

// c-ares opens sockets of its own and says which of them it waits for; this watches them, and the clock.
struct Resolver::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& loop, std::string servers)
      : io(loop), timer(loop), name_servers(std::move(servers)) {}

  struct Watch {
    explicit Watch(asio::io_context& io, int fd) : descriptor(io, fd) {}
    Descriptor descriptor;
    bool wants_read = false;
    bool wants_write = false;
    bool reads = false;  // a wait is under way
    bool writes = false;
  };

  Status open();
  void close();
  void socket_changed(int fd, bool wants_read, bool wants_write);
  void watch(const std::shared_ptr<Watch>& watch);
  void wait(const std::shared_ptr<Watch>& watched, bool reading);
  void rest();

  asio::io_context& io;
  asio::steady_timer timer;
  std::string name_servers;
  ares_channel channel = nullptr;
  std::map<int, std::shared_ptr<Watch>> watches;
};

Status Resolver::Impl::open() {
  if (channel != nullptr) return {};
  ares_library_init(ARES_LIB_INIT_ALL);
  ares_options options{};
  options.timeout = kTryMs;
  options.tries = kTries;
  std::string lookups = "fb";  // files, then name servers
  options.lookups = lookups.data();
  options.sock_state_cb_data = this;
  options.sock_state_cb = [](void* self, ares_socket_t fd, int read, int write) {
    static_cast<Impl*>(self)->socket_changed(fd, read != 0, write != 0);
  };
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
  int status = ares_init_options(&channel, &options, mask);
  if (status == ARES_SUCCESS && !name_servers.empty()) {
    status = ares_set_servers_ports_csv(channel, name_servers.c_str());
  }
  if (status == ARES_SUCCESS) return {};
  close();
  return fail(ErrorCode::kUnavailable,
              fmt::format("cannot set the finding of host names up: {}", ares_strerror(status)));
}

void Resolver::Impl::close() {
  if (channel != nullptr) ares_destroy(std::exchange(channel, nullptr));
  timer.cancel();
}

void Resolver::Impl::socket_changed(int fd, bool wants_read, bool wants_write) {
  auto found = watches.find(fd);
  if (!wants_read && !wants_write) {
    if (found == watches.end()) return;
    found->second->descriptor.release();  // c-ares closes it
    watches.erase(found);
    return;
  }
  if (found == watches.end()) found = watches.emplace(fd, std::make_shared<Watch>(io, fd)).first;
  found->second->wants_read = wants_read;
  found->second->wants_write = wants_write;
  watch(found->second);
}

void Resolver::Impl::watch(const std::shared_ptr<Watch>& watched) {
  if (watched->wants_read && !watched->reads) wait(watched, true);
  if (watched->wants_write && !watched->writes) wait(watched, false);
}

void Resolver::Impl::wait(const std::shared_ptr<Watch>& watched, bool reading) {
  (reading ? watched->reads : watched->writes) = true;
  auto kind = reading ? Descriptor::wait_read : Descriptor::wait_write;
  watched->descriptor.async_wait(kind, [weak = weak_from_this(), watched, reading](error_code error) {
    (reading ? watched->reads : watched->writes) = false;
    auto self = weak.lock();
    if (error || !self || self->channel == nullptr) return;
    int fd = watched->descriptor.native_handle();
    ares_process_fd(self->channel, reading ? fd : ARES_SOCKET_BAD, reading ? ARES_SOCKET_BAD : fd);
    auto still = self->watches.find(fd);
    if (still != self->watches.end() && still->second == watched) self->watch(watched);
    self->rest();
  });
}

// Until a socket is ready or c-ares wants to try again.
void Resolver::Impl::rest() {
  timeval left{};
  if (channel == nullptr || ares_timeout(channel, nullptr, &left) == nullptr) {
    timer.cancel();
    return;
  }
  timer.expires_after(std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec) +
                      std::chrono::milliseconds(1));
  timer.async_wait([weak = weak_from_this()](error_code error) {
    auto self = weak.lock();
    if (error || !self || self->channel == nullptr) return;
    ares_process_fd(self->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    self->rest();
  });
}

Resolver::Resolver(asio::io_context& io, std::string name_servers)
    : impl_(std::make_shared<Impl>(io, std::move(name_servers))) {}

Resolver::~Resolver() { impl_->close(); }

void Resolver::resolve(const std::string& host, Answer answer) {
  if (Status opened = impl_->open(); !opened) return answer(fail(opened.error()));
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  auto question = std::make_unique<Question>(Question{host, std::move(answer)});
  ares_getaddrinfo(impl_->channel, host.c_str(), nullptr, &hints, take_answer, question.release());
  impl_->rest();
}

}  // namespace keyway::engine
