// The means of the election's simulation: threads that take turns, and the model of the API server.
#include <gmock/gmock.h>

#include "api.h"
#include "fibers.h"
#include "lease_run.h"

namespace keyway::simulation {
namespace {

using ::testing::ElementsAre;

TEST(Fibers, TakeTurnsOnVirtualTime) {
  Scheduler scheduler;
  Fibers fibers(scheduler);
  std::vector<std::pair<int, int64_t>> seen;
  for (int number : {1, 2}) {
    fibers.begin([&, number] {
      for (int i = 0; i < 2; ++i) {
        fibers.sleep_us(number * 100);
        seen.emplace_back(number, scheduler.now_us());
      }
    });
  }
  scheduler.run_until(1000);
  EXPECT_THAT(seen, ElementsAre(std::pair(1, 100), std::pair(2, 200), std::pair(1, 200), std::pair(2, 400)));
}

TEST(Fibers, OneIsWokenOrWaitsForItsMoment) {
  Scheduler scheduler;
  Fibers fibers(scheduler);
  std::vector<bool> woken;
  int sleeper = fibers.begin([&] {
    woken.push_back(fibers.wait_until(500));
    woken.push_back(fibers.wait_until(900));
  });
  scheduler.after(100, [&] { fibers.wake(sleeper); });
  scheduler.run_until(1000);
  EXPECT_THAT(woken, ElementsAre(true, false));
}

TEST(Fibers, APausedOneGoesOnWhereItWas) {
  Scheduler scheduler;
  Fibers fibers(scheduler);
  int64_t woke_us = 0;
  int fiber = fibers.begin([&] {
    fibers.sleep_us(100);
    woke_us = scheduler.now_us();
  });
  scheduler.after(50, [&] { fibers.pause(fiber); });
  scheduler.run_until(700);
  EXPECT_EQ(woke_us, 0);
  fibers.resume(fiber);
  scheduler.run_until(1000);
  EXPECT_EQ(woke_us, 700);
}

TEST(Fibers, AnEndedOneUnwinds) {
  Scheduler scheduler;
  Fibers fibers(scheduler);
  struct Mark {
    explicit Mark(bool& gone_in) : gone(gone_in) {}
    ~Mark() { gone = true; }
    bool& gone;
  };
  bool gone = false;
  int fiber = fibers.begin([&] {
    Mark mark(gone);
    for (;;) fibers.sleep_us(100);
  });
  scheduler.run_until(250);
  EXPECT_FALSE(gone);
  fibers.end(fiber);
  scheduler.run_until(300);
  EXPECT_TRUE(gone);
}

class ApiTest : public testing::Test {
 protected:
  ApiTest() { world.add_place("p-0", "p1"); }

  // Two writes of one Lease that both saw it as it was: what came of them.
  std::vector<bool> both_write() {
    std::vector<bool> written;
    for (const char* holder : {"a", "b"}) {
      fibers.begin([this, holder, &written] {
        agent::Lease lease;
        lease.name = "p1";
        lease.holder = holder;
        written.push_back(api.put(0, lease).has_value());
      });
    }
    world.scheduler.run_until(5'000'000);
    return written;
  }

  World world{1, {}};
  Fibers fibers{world.scheduler};
  Api api{world, fibers};
};

TEST_F(ApiTest, OfTwoWritersOneMeetsAConflict) {
  EXPECT_THAT(both_write(), ::testing::UnorderedElementsAre(true, false));
}

TEST_F(ApiTest, WhoIsCutOffGetsNoAnswerWithinASecond) {
  api.ways[0].cut = true;
  EXPECT_THAT(both_write(), ElementsAre(false, false));
  EXPECT_EQ(api.lease("p1"), nullptr);
}

TEST_F(ApiTest, AnOldReadShowsWhatWas) {
  (void)both_write();
  api.ways[0].stale_us = 60'000'000;
  std::string seen = "nothing";
  fibers.begin([this, &seen] {
    agent::Lease lease = *api.lease("p1");
    lease.holder = "c";
    (void)api.put(0, lease);
    Result<std::optional<agent::Lease>> read = api.read(0, "p1");
    seen = read && *read ? (*read)->holder : "nothing";
  });
  world.scheduler.run_until(10'000'000);
  EXPECT_EQ(api.lease("p1")->holder, "c");
  EXPECT_NE(seen, "c");
}

TEST(LeaseRuns, TheSameSeedGivesTheSameRun) {
  LeaseResult first = run_leases(7, false);
  LeaseResult again = run_leases(7, false);
  EXPECT_GT(first.acknowledged, 100);
  EXPECT_EQ(first.acknowledged, again.acknowledged);
  EXPECT_EQ(first.writes, again.writes);
  EXPECT_EQ(first.virtual_us, again.virtual_us);
}

}  // namespace
}  // namespace keyway::simulation
