// Threads that take turns on virtual time, so that code which waits inside a call can be simulated: one at a
// time runs, until it waits for a moment or to be woken; then the scheduler goes on. The same seed gives the
// same order. Owned by a run; all calls from its thread or from within a fiber.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "simulation/scheduler.h"

namespace keyway::simulation {

class Fibers {
 public:
  explicit Fibers(Scheduler& scheduler);
  Fibers(const Fibers&) = delete;
  Fibers& operator=(const Fibers&) = delete;
  // Ends those that are left.
  ~Fibers();

  // Thrown by wait() in a fiber that is ended; only begin() catches it.
  struct Ended {};

  // Runs `body` from the next moment on; gives the fiber's number.
  int begin(std::function<void()> body);
  // It ends where it waits. Not for the fiber that calls.
  void end(int fiber);
  // It stands still where it is until resume(), and misses nothing.
  void pause(int fiber);
  void resume(int fiber);

  // The fiber that calls waits until `time_us` (false) or wake() (true).
  bool wait_until(int64_t time_us);
  void sleep_us(int64_t delay_us) { (void)wait_until(scheduler_.now_us() + delay_us); }
  void wake(int fiber);
  int current() const { return current_; }

 private:
  struct Fiber;

  void run(int number, uint64_t turn, bool woken);
  void switch_to(int number);

  Scheduler& scheduler_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  int current_ = -1;
};

}  // namespace keyway::simulation
