#include "admin/key_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "admin/key_migration.h"
#include "admin/throttle.h"

namespace keyway::admin {
namespace {

std::vector<std::string> names(const std::vector<FoundKey>& batch) {
  std::vector<std::string> keys;
  for (const FoundKey& found : batch) keys.push_back(found.key);
  return keys;
}

TEST(KeyQueue, TakesFromAllServersInTurn) {
  KeyQueue queue;
  for (const char* key : {"a1", "a2", "a3"}) queue.add(0, {key, 1});
  queue.add(2, {"c1", 1});
  EXPECT_EQ(queue.size(), 4u);
  EXPECT_EQ(queue.size(0), 3u);
  EXPECT_EQ(queue.size(1), 0u);
  EXPECT_EQ(queue.size(9), 0u);
  EXPECT_THAT(names(queue.take(3, 100)), testing::ElementsAre("a1", "c1", "a2"));
  EXPECT_THAT(names(queue.take(3, 100)), testing::ElementsAre("a3"));
  EXPECT_TRUE(queue.take(3, 100).empty());
}

TEST(KeyQueue, ALargeKeyComesAlone) {
  KeyQueue queue;
  queue.add(0, {"small", 10});
  queue.add(0, {"huge", 1000});
  queue.add(0, {"next", 10});
  EXPECT_THAT(names(queue.take(10, 100)), testing::ElementsAre("small"));
  EXPECT_THAT(names(queue.take(10, 100)), testing::ElementsAre("huge"));
  EXPECT_THAT(names(queue.take(10, 100)), testing::ElementsAre("next"));
}

RC_GTEST_PROP(KeyQueue, GivesEveryKeyOnceInBatchesWithinBounds, ()) {
  KeyQueue queue;
  auto sizes = *rc::gen::container<std::vector<std::pair<uint8_t, uint16_t>>>(
      rc::gen::pair(rc::gen::inRange<uint8_t>(0, 5), rc::gen::arbitrary<uint16_t>()));
  auto max_keys = *rc::gen::inRange<size_t>(1, 20);
  auto max_bytes = *rc::gen::inRange<int64_t>(0, 100'000);
  for (size_t i = 0; i < sizes.size(); ++i) queue.add(sizes[i].first, {std::to_string(i), sizes[i].second});
  std::set<std::string> seen;
  while (queue.size() > 0) {
    std::vector<FoundKey> batch = queue.take(max_keys, max_bytes);
    RC_ASSERT(!batch.empty());
    RC_ASSERT(batch.size() <= max_keys);
    int64_t bytes = 0;
    for (const FoundKey& key : batch) {
      bytes += key.size_bytes;
      RC_ASSERT(seen.insert(key.key).second);
    }
    RC_ASSERT(batch.size() == 1 || bytes <= max_bytes);
  }
  RC_ASSERT(seen.size() == sizes.size());
}

TEST(KeyMarks, RemembersWhatWasAddedUntilItIsFull) {
  KeyMarks marks(3);
  marks.add("b");
  EXPECT_TRUE(marks.contains("b"));
  EXPECT_FALSE(marks.contains("a"));
  marks.add("a");
  marks.add(std::string_view("\0c", 2));
  EXPECT_TRUE(marks.contains("a"));
  EXPECT_TRUE(marks.contains(std::string_view("\0c", 2)));
  EXPECT_FALSE(marks.contains(std::string_view("\0d", 2)));
  EXPECT_FALSE(marks.full());
  marks.add("a");
  EXPECT_FALSE(marks.full());
  marks.add("e");
  EXPECT_TRUE(marks.full());
  EXPECT_FALSE(marks.contains("e"));
}

RC_GTEST_PROP(KeyMarks, HoldsWhatWasAddedAndNothingElse, ()) {
  auto added = *rc::gen::container<std::set<uint16_t>>(rc::gen::arbitrary<uint16_t>());
  auto other = *rc::gen::arbitrary<uint16_t>();
  KeyMarks marks(1 << 20);
  for (int copy = 0; copy < 5; ++copy) {
    for (uint16_t number : added) marks.add(std::to_string(copy * 100'000 + number));
  }
  for (uint16_t number : added) RC_ASSERT(marks.contains(std::to_string(400'000 + number)));
  RC_ASSERT(marks.contains(std::to_string(other)) == (added.contains(other)));
  RC_ASSERT(!marks.full());
}

TEST(Throttle, LetsTheAverageThrough) {
  Throttle throttle(1000);
  EXPECT_EQ(throttle.pause_ms(500, 10'000), 0);  // what a second allows was not used
  EXPECT_EQ(throttle.pause_ms(1000, 10'000), 500);
  EXPECT_EQ(throttle.pause_ms(1000, 10'500), 1000);
  EXPECT_EQ(throttle.pause_ms(1000, 60'000), 0);
  EXPECT_EQ(Throttle(0).pause_ms(int64_t{1} << 40, 0), 0);
}

TEST(Rate, IsThatOfTheLastSeconds) {
  Rate rate;
  EXPECT_EQ(rate.per_s(), -1);
  rate.count(0, 1000);
  EXPECT_EQ(rate.per_s(), -1);
  rate.count(500, 1500);
  EXPECT_EQ(rate.per_s(), 1000);
  for (int64_t at_ms = 2000; at_ms <= 20'000; at_ms += 500) rate.count(500 + (at_ms - 1500) / 10, at_ms);
  EXPECT_EQ(rate.per_s(), 100);
}

TEST(MigrationTrouble, OfWhatServersSay) {
  auto relayed = [](std::string_view said) {
    return trouble_of("ERR Target instance replied with error: " + std::string(said));
  };
  EXPECT_EQ(relayed("BUSYKEY Target key name already exists."), MigrationTrouble::kBusy);
  EXPECT_EQ(relayed("MOVED 5 127.0.0.1:7001"), MigrationTrouble::kLater);
  EXPECT_EQ(relayed("TRYAGAIN Multiple keys request during rehashing of slot"), MigrationTrouble::kLater);
  EXPECT_EQ(trouble_of("MOVED 5 127.0.0.1:7001"), MigrationTrouble::kLater);
  EXPECT_EQ(trouble_of("IOERR error or timeout connecting to the client"), MigrationTrouble::kUnreachable);
  EXPECT_EQ(trouble_of("IOERR error or timeout reading to target instance"), MigrationTrouble::kUnreachable);
  EXPECT_EQ(relayed("OOM command not allowed when used memory > 'maxmemory'."), MigrationTrouble::kFinal);
  EXPECT_EQ(relayed("WRONGPASS invalid username-password pair"), MigrationTrouble::kFinal);
  EXPECT_EQ(trouble_of("NOPERM this user has no permissions"), MigrationTrouble::kFinal);
}

}  // namespace
}  // namespace keyway::admin
