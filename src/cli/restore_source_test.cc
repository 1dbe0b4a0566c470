#include "cli/restore_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "backup/catalog.h"
#include "backup/test_manifest.h"
#include "backup/test_store.h"

namespace keyway::cli {
namespace {

using testing::HasSubstr;

class RestoreSourceTest : public testing::Test {
 protected:
  RestoreSourceTest() { command_.from = folder_.path(); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.path() + "/" + name, std::ios::binary) << text;
  }
  // A backup of two shards, whose data is `text` and the shard's name.
  void store_backup(const std::string& cluster, const std::string& text) {
    std::unique_ptr<backup::Store> store = *backup::open_store(folder_.path());
    backup::Manifest manifest = backup::sharded_manifest();
    manifest.cluster = cluster;
    for (backup::BackedUpShard& shard : manifest.shards) {
      std::string name = backup::folder_of(cluster, manifest.id) + "/" + shard.object;
      backup::PackedWriter writer(*store->put(name), {});
      ASSERT_TRUE(writer.write(text + shard.name));
      shard.sums = *writer.commit();
    }
    std::string name = backup::folder_of(cluster, manifest.id) + "/" + std::string(backup::kManifestName);
    ASSERT_TRUE(backup::write_object(*store, name, backup::to_json(manifest)));
  }
  static Result<std::string> read(const admin::RestoreFile& file) {
    Result<std::unique_ptr<admin::FileSource>> source = file.open();
    if (!source) return fail(source.error());
    std::string text;
    char piece[7];
    while (true) {
      Result<size_t> got = (*source)->read(piece, sizeof piece);
      if (!got) return fail(got.error());
      if (*got == 0) return text;
      text.append(piece, *got);
    }
  }
  Error refused() {
    Result<RestoreSource> source = find_restore_source(command_);
    return source ? Error{ErrorCode::kInternal, "it was found"} : source.error();
  }

  backup::TestFolder folder_;
  RestoreCommand command_;
};

TEST_F(RestoreSourceTest, IsAFileOrAFolderOfFiles) {
  write("b.rdb", "second");
  write("a.rdb", "first");
  write("nodes.json", "{}");
  Result<RestoreSource> folder = find_restore_source(command_);
  ASSERT_TRUE(folder) << folder.error().message;
  ASSERT_EQ(folder->files.size(), 2u);
  EXPECT_EQ(read(folder->files[0]), "first");
  EXPECT_EQ(read(folder->files[1]), "second");
  EXPECT_EQ(folder->files[1].size_bytes, 6);
  command_.from = folder_.path() + "/a.rdb";
  Result<RestoreSource> file = find_restore_source(command_);
  ASSERT_TRUE(file);
  EXPECT_EQ(read(file->files.at(0)), "first");
  command_.backup = "latest";
  EXPECT_EQ(refused().code, ErrorCode::kInvalidArgument);
  command_.from = folder_.path() + "/none";
  EXPECT_EQ(refused().code, ErrorCode::kNotFound);
}

TEST_F(RestoreSourceTest, IsABackupOfTheClusterThatIsRestored) {
  store_backup("shop", "data of ");
  store_backup("other", "another's of ");
  command_.target.cluster = "shop";
  Result<RestoreSource> own = find_restore_source(command_);
  ASSERT_TRUE(own) << own.error().message;
  ASSERT_EQ(own->files.size(), 2u);
  EXPECT_EQ(read(own->files[0]), "data of p1");
  EXPECT_EQ(read(own->files[1]), "data of p2");
  EXPECT_THAT(own->name, HasSubstr("shop/20261122T221400Z"));
  ASSERT_TRUE(own->manifest);
  EXPECT_TRUE(own->can_read_twice);
  command_.backup = "other/latest";
  Result<RestoreSource> named = find_restore_source(command_);
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_EQ(read(named->files[0]), "another's of p1");
  command_.backup = "20200101T000000Z";
  EXPECT_NE(refused().message, "it was found");
  command_.target.cluster = "third";
  command_.backup.clear();
  EXPECT_EQ(refused().code, ErrorCode::kInvalidArgument);  // there are two to choose from
}

TEST_F(RestoreSourceTest, TellsOfAnObjectThatWasAlteredOrCutShort) {
  store_backup("shop", std::string(10'000, 'x'));
  std::string object = folder_.path() + "/shop/20261122T221400Z/p1.rdb.zst";
  std::filesystem::resize_file(object, std::filesystem::file_size(object) - 5);
  Result<RestoreSource> source = find_restore_source(command_);
  ASSERT_TRUE(source) << source.error().message;
  Result<std::string> text = read(source->files[0]);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(read(source->files[1]));
}

}  // namespace
}  // namespace keyway::cli
