#include "cli/cluster/interruption.h"

#include <unistd.h>

#include <atomic>

#include "cli/output.h"

namespace keyway::cli {

namespace {

constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};

// What the handler may touch: lock-free, hence safe in it.
std::atomic<int> interruptions{0};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void note_interruption(int) {
  if (interruptions.fetch_add(1) > 0) _exit(kExitInterrupted);
}

}  // namespace

Interruption::Interruption() {
  interruptions = 0;
  struct sigaction action{};
  action.sa_handler = note_interruption;
  sigemptyset(&action.sa_mask);
  // Without SA_RESTART: what waits is to be woken.
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &before_[i]);
}

Interruption::~Interruption() {
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
  interruptions = 0;
}

bool Interruption::seen() { return interruptions > 0; }

}  // namespace keyway::cli
