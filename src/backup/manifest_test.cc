#include "backup/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backup/catalog.h"
#include "backup/test_manifest.h"
#include "backup/test_store.h"

namespace keyway::backup {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Manifest, IsReadBackAsItWas) {
  for (const Manifest& manifest : {sharded_manifest(), replicated_manifest()}) {
    Result<Manifest> again = parse_manifest(to_json(manifest), "m");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, manifest);
  }
}

TEST(Manifest, RefusesWhatIsCutOff) {
  std::string text = to_json(sharded_manifest());
  for (size_t size = 0; size + 2 < text.size(); ++size) {
    Result<Manifest> none = parse_manifest(text.substr(0, size), "m");
    ASSERT_FALSE(none) << size;
    EXPECT_EQ(none.error().code, ErrorCode::kCorrupt);
  }
}

TEST(Manifest, TellsWhatIsWrong) {
  struct Case {
    std::string_view from, to, told;
  };
  std::string good = to_json(sharded_manifest());
  for (const Case& each : {
           Case{"\"p1\"", "\"../p1\"", "shards[0].name"},
           Case{"\"p1.rdb.zst\"", "\"a/b\"", "shards[0].object"},
           Case{"\"p2\"", "\"p1\"", "twice"},
           Case{"\"p2.rdb.zst\"", "\"p1.rdb.zst\"", "two shards"},
           Case{"\"0-8191\"", "\"0-8190\"", "each slot once"},
           Case{"\"0-8191\"", "\"0-8192\"", "each slot once"},
           Case{"\"0-8191\"", "\"9-1\"", "are no slots"},
           Case{"\"raw_size_bytes\": 1000", "\"raw_size_bytes\": -1", "raw_size_bytes"},
           Case{"\"raw_size_bytes\": 1000", "\"raw_size_bytes\": 1.5", "raw_size_bytes"},
           Case{"\"raw_size_bytes\": 1000", "\"raw_size_bytes\": 18446744073709551615", "raw_size_bytes"},
           Case{"\"keys\": 10", "\"keys\": \"10\"", "keys"},
           Case{"\"sharded\"", "\"other\"", "mode"},
           Case{"\"zstd\"", "\"lzma\"", "compression"},
           Case{"\"20261122T221400Z\"", "\"20261322T221400Z\"", "id"},
           Case{"\"cluster\": \"shop\"", "\"cluster\": \"..\"", "cluster"},
           Case{"\"redis\"", "\"mysql\"", "engine"},
           Case{"aaaa", "AAAA", "SHA-256"},
       }) {
    Result<Manifest> none = parse_manifest(replaced(good, each.from, each.to), "m");
    ASSERT_FALSE(none) << each.from;
    EXPECT_EQ(none.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(none.error().message, HasSubstr(each.told));
  }
}

TEST(Manifest, OfANewerKeywayIsRefusedAsSuch) {
  Result<Manifest> none =
      parse_manifest(replaced(to_json(sharded_manifest()), "\"format\": 1", "\"format\": 2"), "m");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kUnsupported);
}

TEST(BackupId, IsATime) {
  constexpr int64_t at_ms = 1'795'385'640'000;
  EXPECT_EQ(backup_id(at_ms), "20261122T221400Z");
  EXPECT_EQ(backup_id(at_ms + 999, 2), "20261122T221400Z-2");
  EXPECT_EQ(time_of_id("20261122T221400Z-2"), at_ms);
  for (const char* text :
       {"", "20261122T221400", "20261122T221400Z-1", "20261122T221400Z-02", "20261122T221400Z-",
        "20261122T221460Z", "2026-1122T22140Z", "20261122T221400Zx2", "20261122t221400Z"}) {
    EXPECT_FALSE(is_backup_id(text)) << text;
  }
}

TEST(Verification, IsReadBackAsItWas) {
  Verification verification{1'795'385'640'123, true, "all fine", 42, "0.1.0"};
  Result<Verification> again = parse_verification(to_json(verification), "v");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, verification);
  EXPECT_FALSE(parse_verification("{\"format\": 1}", "v"));
}

TEST(Catalog, ListsByAgeAndTellsWhatIsNoBackup) {
  MemoryStore store;
  Manifest manifest = sharded_manifest();
  for (const char* id :
       {"20261122T221400Z-2", "20261122T221400Z", "20261121T000000Z", "20261122T221400Z-10"}) {
    manifest.id = id;
    store.objects[fmt::format("shop/{}/manifest.json", id)] = to_json(manifest);
  }
  store.objects["shop/20261123T000000Z/p1.rdb.zst"] = "x";
  store.objects["shop/notes"] = "x";
  store.objects["shop/other/manifest.json"] = "x";
  Result<std::vector<StoredBackup>> backups = list_backups(store, "shop");
  ASSERT_TRUE(backups);
  std::vector<std::string> ids;
  for (const StoredBackup& backup : *backups) ids.push_back(backup.id);
  EXPECT_THAT(ids, ElementsAre("20261121T000000Z", "20261122T221400Z", "20261122T221400Z-2",
                               "20261122T221400Z-10", "20261123T000000Z"));
  EXPECT_FALSE(backups->back().complete);
  Result<StoredBackup> newest = find_backup(store, "", "");
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->id, "20261122T221400Z-10");
  Result<StoredBackup> none = find_backup(store, "", "20261123T000000Z");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  store.objects["cache/20261122T221400Z/manifest.json"] = "{}";
  Result<StoredBackup> several = find_backup(store, "", "");
  ASSERT_FALSE(several);
  EXPECT_THAT(several.error().message, HasSubstr("cache, shop"));
}

TEST(Catalog, TakesNoManifestOfAnotherBackup) {
  MemoryStore store;
  store.objects["shop/20261122T221401Z/manifest.json"] = to_json(sharded_manifest());
  Result<Manifest> none = load_manifest(store, "shop", "20261122T221401Z");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace keyway::backup
