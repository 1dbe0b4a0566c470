// Ctrl-C as a value: while one of these lives, SIGINT, SIGTERM and SIGHUP end no call and no process but are
// told by wait(). So a command can put the terminal right before it ends. One thread, one of them at a time.
#pragma once

#include <csignal>
#include <cstdint>
#include <utility>

namespace keyway::cli {

class Interrupts {
 public:
  // What SIGHUP is to the command: the end of its terminal, or a wish that it read its files again.
  enum class Hangup : uint8_t { kInterrupts, kAsksToReload };

  explicit Interrupts(Hangup hangup = Hangup::kInterrupts);
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts();  // the signals mean again what they meant before

  // Waits for `timeout_ms`, or less if the window was resized or a signal came. True: interrupted (now or
  // before).
  bool wait(int64_t timeout_ms);

  // Whether SIGHUP came since this was last asked (kAsksToReload).
  bool take_reload() { return std::exchange(reload_asked_, false); }

 private:
  sigset_t before_{};
  int fd_ = -1;
  Hangup hangup_;
  bool interrupted_ = false;
  bool reload_asked_ = false;
};

}  // namespace keyway::cli
