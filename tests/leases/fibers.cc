#include "fibers.h"

#include <semaphore>
#include <thread>

namespace keyway::simulation {

struct Fibers::Fiber {
  std::thread thread;
  std::binary_semaphore go{0};
  std::binary_semaphore back{0};
  uint64_t turn = 0;  // counts its waits, so that what would wake it from an earlier one is told from this
  bool waiting = true;
  bool woken = false;
  bool paused = false;
  bool due = false;  // it would have gone on while it was paused
  bool ending = false;
  bool ended = false;
};

Fibers::Fibers(Scheduler& scheduler) : scheduler_(scheduler) {}

Fibers::~Fibers() {
  for (size_t i = 0; i < fibers_.size(); ++i) {
    Fiber& fiber = *fibers_[i];
    fiber.ending = true;
    while (!fiber.ended) switch_to(static_cast<int>(i));
    fiber.thread.join();
  }
}

int Fibers::begin(std::function<void()> body) {
  int number = static_cast<int>(fibers_.size());
  fibers_.push_back(std::make_unique<Fiber>());
  Fiber& fiber = *fibers_.back();
  fiber.thread = std::thread([&fiber, body = std::move(body)] {
    fiber.go.acquire();
    try {
      if (!fiber.ending) body();
    } catch (const Ended&) {
      fiber.ended = true;  // as it was told
    }
    fiber.ended = true;
    fiber.back.release();
  });
  scheduler_.after(0, [this, number] { run(number, 0, false); });
  return number;
}

void Fibers::switch_to(int number) {
  Fiber& fiber = *fibers_[static_cast<size_t>(number)];
  int before = current_;
  current_ = number;
  fiber.waiting = false;
  fiber.go.release();
  fiber.back.acquire();
  current_ = before;
}

void Fibers::run(int number, uint64_t turn, bool woken) {
  Fiber& fiber = *fibers_[static_cast<size_t>(number)];
  if (fiber.ended || !fiber.waiting || fiber.turn != turn) return;
  if (fiber.paused && !fiber.ending) {
    fiber.due = true;
    fiber.woken = fiber.woken || woken;
    return;
  }
  fiber.woken = fiber.woken || woken;
  switch_to(number);
}

bool Fibers::wait_until(int64_t time_us) {
  int number = current_;
  Fiber& fiber = *fibers_[static_cast<size_t>(number)];
  if (fiber.ending) throw Ended{};
  uint64_t turn = ++fiber.turn;
  fiber.waiting = true;
  fiber.woken = false;
  scheduler_.at(time_us, [this, number, turn] { run(number, turn, false); });
  fiber.back.release();
  fiber.go.acquire();
  if (fiber.ending) throw Ended{};
  return fiber.woken;
}

void Fibers::wake(int number) {
  uint64_t turn = fibers_[static_cast<size_t>(number)]->turn;
  scheduler_.after(0, [this, number, turn] { run(number, turn, true); });
}

void Fibers::end(int number) {
  Fiber& fiber = *fibers_[static_cast<size_t>(number)];
  fiber.ending = true;
  scheduler_.after(0, [this, number] {
    Fiber& told = *fibers_[static_cast<size_t>(number)];
    while (!told.ended) switch_to(number);
  });
}

void Fibers::pause(int number) { fibers_[static_cast<size_t>(number)]->paused = true; }

void Fibers::resume(int number) {
  Fiber& fiber = *fibers_[static_cast<size_t>(number)];
  if (!fiber.paused) return;
  fiber.paused = false;
  if (!fiber.due) return;
  fiber.due = false;
  uint64_t turn = fiber.turn;
  bool woken = fiber.woken;
  scheduler_.after(0, [this, number, turn, woken] { run(number, turn, woken); });
}

}  // namespace keyway::simulation
