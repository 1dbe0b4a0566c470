// Ctrl-C as a value: while one of these lives, SIGINT and SIGTERM end no call and no process but are told by
// wait(). So a command can put the terminal right before it ends. One thread, one of them at a time.
#pragma once

#include <csignal>
#include <cstdint>

namespace keyway::cli {

class Interrupts {
 public:
  Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts();  // the signals mean again what they meant before

  // Waits for `timeout_ms`, or less if the window was resized or a signal came. True: interrupted (now or
  // before).
  bool wait(int64_t timeout_ms);

 private:
  sigset_t before_{};
  int fd_ = -1;
  bool interrupted_ = false;
};

}  // namespace keyway::cli
