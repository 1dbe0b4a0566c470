#include "cli/interrupt.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>

namespace keyway::cli {

Interrupts::Interrupts(Hangup hangup) : hangup_(hangup) {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, &before_);
  fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

Interrupts::~Interrupts() {
  signalfd_siginfo info{};
  while (fd_ >= 0 && read(fd_, &info, sizeof info) == sizeof info) {
  }
  if (fd_ >= 0) close(fd_);
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

bool Interrupts::wait(int64_t timeout_ms) {
  pollfd waiting{fd_, POLLIN, 0};
  if (!interrupted_) poll(&waiting, 1, static_cast<int>(std::clamp<int64_t>(timeout_ms, 0, 60'000)));
  signalfd_siginfo info{};
  while (fd_ >= 0 && read(fd_, &info, sizeof info) == sizeof info) {
    bool reload = info.ssi_signo == SIGHUP && hangup_ == Hangup::kAsksToReload;
    reload_asked_ = reload_asked_ || reload;
    interrupted_ = interrupted_ || (info.ssi_signo != SIGWINCH && !reload);
  }
  return interrupted_;
}

}  // namespace keyway::cli
