#include "platform/kubernetes/lease.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

namespace keyway::platform::kubernetes {
namespace {

constexpr LeaseTimes kTimes{};
constexpr int64_t kUnixUs = 1'700'000'000'000'000;

LeaseRecord held_by(const std::string& holder, int64_t renewed_us, const std::string& version) {
  return {.holder = holder,
          .duration_ms = kTimes.duration_ms,
          .transitions = 3,
          .acquired_us = 7,
          .renewed_us = renewed_us,
          .resource_version = version};
}

// Makes `lease` hold, as of `now_ms`.
void acquire(Lease& lease, int64_t now_ms) {
  ASSERT_EQ(lease.next(now_ms, kUnixUs).ask, Lease::Ask::kRead);
  lease.was_read(now_ms, std::nullopt);
  ASSERT_EQ(lease.next(now_ms, kUnixUs).ask, Lease::Ask::kCreate);
  lease.was_written(now_ms, "1");
  ASSERT_TRUE(lease.holds(now_ms));
}

TEST(LeaseTest, IsCreatedAndRenewed) {
  Lease lease("a", kTimes);
  acquire(lease, 100);
  Lease::Order order = lease.next(200, kUnixUs);
  EXPECT_EQ(order.ask, Lease::Ask::kNothing);
  EXPECT_EQ(order.at_ms, 100 + kTimes.renew_ms);
  order = lease.next(order.at_ms, kUnixUs + 5);
  ASSERT_EQ(order.ask, Lease::Ask::kWrite);
  EXPECT_EQ(order.record.resource_version, "1");
  EXPECT_EQ(order.record.holder, "a");
  EXPECT_EQ(order.record.acquired_us, kUnixUs);
  EXPECT_EQ(order.record.renewed_us, kUnixUs + 5);
  EXPECT_EQ(order.record.transitions, 0);
}

TEST(LeaseTest, AHolderCountsFromWhenItSent) {
  Lease lease("a", kTimes);
  acquire(lease, 0);
  ASSERT_EQ(lease.next(5'000, kUnixUs).ask, Lease::Ask::kWrite);
  lease.was_written(9'000, "2");  // the answer took its time
  EXPECT_EQ(lease.held_until_ms(), 5'000 + kTimes.hold_ms);
  EXPECT_TRUE(lease.holds(14'999));
  EXPECT_FALSE(lease.holds(15'000));
}

TEST(LeaseTest, AHolderThatCannotRenewLetsGo) {
  Lease lease("a", kTimes);
  acquire(lease, 0);
  int64_t now_ms = 5'000;
  ASSERT_EQ(lease.next(now_ms, kUnixUs).ask, Lease::Ask::kWrite);
  lease.was_lost(now_ms);
  while (now_ms < 10'000) {
    EXPECT_TRUE(lease.holds(now_ms));
    Lease::Order order = lease.next(now_ms, kUnixUs);
    if (order.ask == Lease::Ask::kNothing) {
      now_ms = order.at_ms;
      continue;
    }
    EXPECT_EQ(order.ask, Lease::Ask::kRead);
    lease.was_lost(now_ms);
  }
  EXPECT_FALSE(lease.holds(10'000));
}

TEST(LeaseTest, ALostRenewalThatArrivedCountsFromWhenItWasSent) {
  Lease lease("a", kTimes);
  acquire(lease, 0);
  Lease::Order renewal = lease.next(5'000, kUnixUs + 5);
  lease.was_lost(6'000);
  ASSERT_EQ(lease.next(7'000, kUnixUs + 7).ask, Lease::Ask::kRead);
  renewal.record.resource_version = "2";
  lease.was_read(7'500, renewal.record);
  EXPECT_EQ(lease.held_until_ms(), 5'000 + kTimes.hold_ms);
}

TEST(LeaseTest, ALostRenewalThatDidNotArriveDoesNotCount) {
  Lease lease("a", kTimes);
  acquire(lease, 0);
  LeaseRecord old = lease.next(5'000, kUnixUs + 5).record;
  old.renewed_us = kUnixUs;
  lease.was_lost(6'000);
  ASSERT_EQ(lease.next(7'000, kUnixUs + 7).ask, Lease::Ask::kRead);
  lease.was_read(7'500, old);
  EXPECT_EQ(lease.held_until_ms(), kTimes.hold_ms);
  EXPECT_EQ(lease.next(7'500, kUnixUs + 8).ask, Lease::Ask::kWrite);
}

TEST(LeaseTest, AChallengerCountsFromWhenItSawTheLastChange) {
  Lease lease("b", kTimes);
  ASSERT_EQ(lease.next(1'000, kUnixUs).ask, Lease::Ask::kRead);
  // Its time is long over by the clock of whoever wrote it, which means nothing.
  lease.was_read(1'500, held_by("a", 1, "1"));
  int64_t now_ms = 1'500;
  int looks = 0;
  Lease::Order order = lease.next(now_ms, kUnixUs);
  while (order.ask != Lease::Ask::kWrite && looks < 100) {
    if (order.ask == Lease::Ask::kRead) {
      ++looks;
      // Somebody labels it: another version, the same holding.
      lease.was_read(now_ms, held_by("a", 1, std::to_string(looks + 1)));
    } else {
      now_ms = order.at_ms;
    }
    order = lease.next(now_ms, kUnixUs);
  }
  EXPECT_EQ(now_ms, 1'500 + kTimes.duration_ms);
  EXPECT_EQ(order.record.transitions, 4);
  EXPECT_EQ(order.record.resource_version, std::to_string(looks + 1));
  EXPECT_FALSE(lease.holds(now_ms));
  lease.was_written(now_ms + 10, "50");
  EXPECT_TRUE(lease.holds(now_ms + 10));
  EXPECT_EQ(lease.transitions(), 4);
}

TEST(LeaseTest, ARenewalKeepsAChallengerAway) {
  Lease lease("b", kTimes);
  ASSERT_EQ(lease.next(0, kUnixUs).ask, Lease::Ask::kRead);
  lease.was_read(0, held_by("a", 1, "1"));
  lease.was_seen(14'000, held_by("a", 2, "2"));
  for (int64_t now_ms = 14'000; now_ms < 14'000 + kTimes.duration_ms;) {
    Lease::Order order = lease.next(now_ms, kUnixUs);
    ASSERT_NE(order.ask, Lease::Ask::kWrite) << now_ms;
    if (order.ask == Lease::Ask::kRead) lease.was_read(now_ms, held_by("a", 2, "2"));
    if (order.ask == Lease::Ask::kNothing) now_ms = order.at_ms;
  }
}

TEST(LeaseTest, AnEmptyHolderIsTakenAtOnce) {
  Lease lease("b", kTimes);
  ASSERT_EQ(lease.next(0, kUnixUs).ask, Lease::Ask::kRead);
  lease.was_read(0, held_by("", 1, "9"));
  EXPECT_EQ(lease.next(0, kUnixUs).ask, Lease::Ask::kWrite);
}

TEST(LeaseTest, OnesFormerLifeIsContinued) {
  Lease lease("a", kTimes);
  ASSERT_EQ(lease.next(0, kUnixUs).ask, Lease::Ask::kRead);
  lease.was_read(0, held_by("a", 1, "9"));
  EXPECT_FALSE(lease.holds(0));
  Lease::Order order = lease.next(0, kUnixUs);
  ASSERT_EQ(order.ask, Lease::Ask::kWrite);
  EXPECT_EQ(order.record.transitions, 3);
  EXPECT_EQ(order.record.acquired_us, 7);
}

TEST(LeaseTest, WhoIsBeatenReadsAgain) {
  Lease lease("b", kTimes);
  ASSERT_EQ(lease.next(0, kUnixUs).ask, Lease::Ask::kRead);
  lease.was_read(0, held_by("", 1, "9"));
  ASSERT_EQ(lease.next(0, kUnixUs).ask, Lease::Ask::kWrite);
  lease.was_refused(5);
  ASSERT_EQ(lease.next(5, kUnixUs).ask, Lease::Ask::kRead);
  lease.was_read(6, held_by("c", 2, "10"));
  EXPECT_FALSE(lease.holds(6));
  EXPECT_EQ(lease.holder(), "c");
}

TEST(LeaseTest, AHolderThatSeesAnotherLetsGo) {
  Lease lease("a", kTimes);
  acquire(lease, 0);
  lease.was_seen(1'000, held_by("b", 2, "5"));
  EXPECT_FALSE(lease.holds(1'000));
}

TEST(LeaseTest, WhatIsSeenLateChangesNothing) {
  Lease lease("b", kTimes);
  ASSERT_EQ(lease.next(0, kUnixUs).ask, Lease::Ask::kRead);
  lease.was_read(0, held_by("", 1, "9"));
  ASSERT_EQ(lease.next(0, kUnixUs).ask, Lease::Ask::kWrite);
  lease.was_written(0, "10");
  lease.was_seen(10, held_by("a", 1, "8"));
  EXPECT_TRUE(lease.holds(10));
}

TEST(LeaseTest, ADeletedLeaseIsLeftToItsHolderForItsTime) {
  Lease lease("b", kTimes);
  ASSERT_EQ(lease.next(0, kUnixUs).ask, Lease::Ask::kRead);
  lease.was_read(0, held_by("a", 1, "9"));
  int64_t now_ms = 0;
  Lease::Order order = lease.next(now_ms, kUnixUs);
  while (order.ask != Lease::Ask::kCreate && now_ms < 100'000) {
    if (order.ask == Lease::Ask::kRead) lease.was_read(now_ms, std::nullopt);
    if (order.ask == Lease::Ask::kNothing) now_ms = order.at_ms;
    order = lease.next(now_ms, kUnixUs);
  }
  EXPECT_EQ(now_ms, kTimes.duration_ms);
  EXPECT_EQ(order.record.resource_version, "");
}

TEST(LeaseTest, ReleasingLetsOthersInAtOnce) {
  Lease lease("a", kTimes);
  acquire(lease, 0);
  lease.release(100);
  EXPECT_FALSE(lease.holds(100));
  EXPECT_FALSE(lease.released());
  Lease::Order order = lease.next(100, kUnixUs);
  ASSERT_EQ(order.ask, Lease::Ask::kWrite);
  EXPECT_EQ(order.record.holder, "");
  lease.was_lost(200);
  ASSERT_EQ(lease.next(200 + kTimes.retry_ms, kUnixUs).ask, Lease::Ask::kRead);
  LeaseRecord still = held_by("a", 1, "1");
  lease.was_read(1'300, still);
  EXPECT_FALSE(lease.holds(1'300));
  ASSERT_EQ(lease.next(1'300, kUnixUs).ask, Lease::Ask::kWrite);
  lease.was_written(1'400, "2");
  EXPECT_TRUE(lease.released());
  EXPECT_FALSE(lease.holds(1'400));
  EXPECT_EQ(lease.next(1'400, kUnixUs).ask, Lease::Ask::kNothing);
  lease.try_again(2'000);
  EXPECT_EQ(lease.next(2'000, kUnixUs).ask, Lease::Ask::kWrite);
}

// Several processes with clocks that run at their own pace and stop now and then, and a server that answers
// late, loses answers and loses requests. At no moment do two of them believe to hold.
class LeaseWorld {
 public:
  explicit LeaseWorld(unsigned seed) : random_(seed) {
    constexpr int count = 3;
    for (int i = 0; i < count; ++i) {
      Process process;
      process.lease = std::make_unique<Lease>("p" + std::to_string(i), kTimes);
      process.rate = 0.92 + 0.16 * chance();
      process.offset_ms = static_cast<int64_t>(1e9 * chance());
      processes_.push_back(std::move(process));
    }
  }

  void run(int64_t until_ms) {
    for (; now_ms_ < until_ms; now_ms_ += 20) {
      std::erase_if(late_, [this](const auto& one) {
        if (now_ms_ < one.second) return false;
        (void)write(one.first);
        return true;
      });
      for (Process& process : processes_) step(process);
      int holders = 0;
      for (Process& process : processes_) holders += process.lease->holds(clock(process)) ? 1 : 0;
      ASSERT_LE(holders, 1) << "at " << now_ms_;
      if (holders == 1) held_ms += 20;
    }
  }

  int64_t held_ms = 0;
  int64_t takeovers() const { return object_ ? object_->transitions : 0; }

 private:
  struct Process {
    std::unique_ptr<Lease> lease;
    double rate = 1;
    int64_t offset_ms = 0;
    int64_t paused_until_ms = 0;
    // The request under way: arrives at the server, then its answer arrives here; -1: lost on the way.
    std::optional<Lease::Order> order;
    int64_t arrives_ms = 0;
    int64_t answered_ms = 0;
    bool arrived = false;
    bool answer_lost = false;
    enum class Fate { kDone, kRefused, kRead } fate = Fate::kDone;
    std::optional<LeaseRecord> read;
    std::string version;
  };

  double chance() { return std::uniform_real_distribution<>(0, 1)(random_); }
  int64_t clock(const Process& process) const {
    return process.offset_ms + static_cast<int64_t>(static_cast<double>(now_ms_) * process.rate);
  }

  void step(Process& process) {
    if (process.order && !process.arrived && now_ms_ >= process.arrives_ms) serve(process);
    if (now_ms_ < process.paused_until_ms) return;
    if (chance() < 0.0003) process.paused_until_ms = now_ms_ + static_cast<int64_t>(40'000 * chance());
    if (process.order) {
      if (now_ms_ >= process.answered_ms) answer(process);
      return;
    }
    if (chance() < 0.0002) process.lease->release(clock(process));
    if (chance() < 0.002) process.lease->try_again(clock(process));
    // Its wall clock says whatever it likes.
    Lease::Order order = process.lease->next(clock(process), static_cast<int64_t>(1e15 * chance()));
    if (order.ask == Lease::Ask::kNothing) return;
    process.order = order;
    process.arrived = false;
    int64_t slow_ms = chance() < 0.1 ? 12'000 : 300;
    process.arrives_ms = now_ms_ + static_cast<int64_t>(static_cast<double>(slow_ms) * chance());
    process.answered_ms = process.arrives_ms + static_cast<int64_t>(static_cast<double>(slow_ms) * chance());
    process.answer_lost = chance() < 0.1;
    constexpr int64_t deadline_ms = 4'000;
    process.answered_ms = std::min(process.answered_ms, now_ms_ + deadline_ms);
    if (chance() < 0.1) process.arrives_ms = INT64_MAX;
  }

  void serve(Process& process) {
    process.arrived = true;
    Lease::Order& order = *process.order;
    if (order.ask == Lease::Ask::kRead) {
      process.fate = Process::Fate::kRead;
      process.read = object_;
      return;
    }
    process.fate = write(order) ? Process::Fate::kDone : Process::Fate::kRefused;
    process.version = std::to_string(version_);
  }

  bool write(const Lease::Order& order) {
    if (order.ask == Lease::Ask::kRead) return false;
    bool fits = order.ask == Lease::Ask::kCreate
                    ? !object_
                    : object_ && object_->resource_version == order.record.resource_version;
    if (!fits) return false;
    object_ = order.record;
    object_->resource_version = std::to_string(++version_);
    return true;
  }

  void answer(Process& process) {
    bool lost = process.answer_lost || !process.arrived;
    int64_t now_ms = clock(process);
    // Given up, and yet it arrives.
    if (!process.arrived) late_.emplace_back(*process.order, process.arrives_ms);
    if (lost)
      process.lease->was_lost(now_ms);
    else if (process.fate == Process::Fate::kRead)
      process.lease->was_read(now_ms, process.read);
    else if (process.fate == Process::Fate::kRefused)
      process.lease->was_refused(now_ms);
    else
      process.lease->was_written(now_ms, process.version);
    process.order.reset();
  }

  std::mt19937 random_;
  int64_t now_ms_ = 0;
  std::vector<Process> processes_;
  std::optional<LeaseRecord> object_;
  std::vector<std::pair<Lease::Order, int64_t>> late_;
  int version_ = 0;
};

TEST(LeaseTest, NeverTwoHoldersWhateverHappens) {
  int64_t takeovers = 0;
  int64_t held_ms = 0;
  for (unsigned seed = 1; seed <= 30; ++seed) {
    LeaseWorld world(seed);
    world.run(1'000'000);
    if (HasFatalFailure()) FAIL() << "seed " << seed;
    takeovers += world.takeovers();
    held_ms += world.held_ms;
  }
  EXPECT_GT(takeovers, 100);
  EXPECT_GT(held_ms, 30 * 1'000'000 / 2);
}

}  // namespace
}  // namespace keyway::platform::kubernetes
