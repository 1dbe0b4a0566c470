// epoll for one worker: tells sockets when they can be read or written. One thread.
#pragma once

#include <functional>

#include "base/error.h"

namespace keyway::proxy {

struct Readiness {
  bool readable = false;
  bool writable = false;
  bool half_closed = false;  // the other end has said all it has to say; some of it may still be to be read
  bool broken = false;       // nothing can be sent any more
};

// Which of them somebody wants to be told; `broken` always.
struct Interest {
  bool readable = false;
  bool writable = false;
  bool half_closed = true;

  friend bool operator==(const Interest&, const Interest&) = default;
};

// Something with a descriptor. Lives until the end of the turn in which it was closed (see Loop).
class Pollable {
 public:
  virtual ~Pollable() = default;
  virtual void ready(const Readiness& readiness) = 0;
};

class Poller {
 public:
  Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  ~Poller();

  Status add(int fd, Pollable& owner, Interest interest);
  void change(int fd, Pollable& owner, Interest interest);
  void remove(int fd);

  // Waits for up to `timeout_ms` (-1: for ever), calls `woken` and then ready() of whoever is.
  void wait(int timeout_ms, const std::function<void()>& woken);

 private:
  int fd_;
};

}  // namespace keyway::proxy
