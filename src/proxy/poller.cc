#include "proxy/poller.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/format.h"

namespace keyway::proxy {

namespace {

constexpr int kEventsATurn = 256;

epoll_event event_of(Pollable& owner, Interest interest) {
  epoll_event event{};
  event.events = (interest.readable ? EPOLLIN : 0U) | (interest.writable ? EPOLLOUT : 0U) |
                 (interest.half_closed ? EPOLLRDHUP : 0U);
  event.data.ptr = &owner;
  return event;
}

}  // namespace

Poller::Poller() : fd_(epoll_create1(EPOLL_CLOEXEC)) {}

Poller::~Poller() {
  if (fd_ >= 0) close(fd_);
}

Status Poller::add(int fd, Pollable& owner, Interest interest) {
  epoll_event event = event_of(owner, interest);
  if (epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return fail(ErrorCode::kExhausted, fmt::format("a socket cannot be watched: {}", errno_text(errno)));
}

void Poller::change(int fd, Pollable& owner, Interest interest) {
  epoll_event event = event_of(owner, interest);
  epoll_ctl(fd_, EPOLL_CTL_MOD, fd, &event);
}

void Poller::remove(int fd) { epoll_ctl(fd_, EPOLL_CTL_DEL, fd, nullptr); }

void Poller::wait(int timeout_ms, const std::function<void()>& woken) {
  std::array<epoll_event, kEventsATurn> events;  // NOLINT(*-member-init): the kernel fills what is looked at
  int count = epoll_wait(fd_, events.data(), kEventsATurn, timeout_ms);
  woken();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    Readiness readiness{(event.events & EPOLLIN) != 0, (event.events & EPOLLOUT) != 0,
                        (event.events & EPOLLRDHUP) != 0, (event.events & (EPOLLERR | EPOLLHUP)) != 0};
    static_cast<Pollable*>(event.data.ptr)->ready(readiness);
  }
}

}  // namespace keyway::proxy
