#include "backup/directory_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "backup/test_store.h"

namespace keyway::backup {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

constexpr size_t kEnough = 1000;

std::unique_ptr<Store> open_at(const std::string& url) {
  Result<std::unique_ptr<Store>> store = open_store(url);
  EXPECT_TRUE(store) << store.error().message;
  return std::move(*store);
}

size_t files_below(const std::string& folder) {
  size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) count += entry.is_regular_file() ? 1 : 0;
  return count;
}

TEST(DirectoryStore, KeepsObjects) {
  TestFolder folder;
  auto store = open_at("file://" + folder.path() + "/deep/below/");
  ASSERT_TRUE(write_object(*store, "shop/1/a.json", "first"));
  ASSERT_TRUE(write_object(*store, "shop/1/a.json", "second"));
  ASSERT_TRUE(write_object(*store, "shop/2/b", "12345"));
  EXPECT_EQ(*read_object(*store, "shop/1/a.json", kEnough), "second");
  struct stat about{};
  ASSERT_EQ(::stat((folder.path() + "/deep/below/shop/2/b").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
  Result<std::vector<ObjectInfo>> objects = store->list("");
  ASSERT_TRUE(objects);
  ASSERT_EQ(objects->size(), 2U);
  EXPECT_EQ((*objects)[1].name, "shop/2/b");
  EXPECT_EQ((*objects)[1].size_bytes, 5);
  EXPECT_GT((*objects)[1].changed_ms, 1'500'000'000'000);
  EXPECT_EQ(store->list("shop/1")->size(), 1U);
  EXPECT_THAT(*store->list("other"), IsEmpty());
}

TEST(DirectoryStore, ReadsFromAnyPlace) {
  TestFolder folder;
  auto store = open_at(folder.path());
  ASSERT_TRUE(write_object(*store, "a", "0123456789"));
  auto reader = store->get("a", 7);
  ASSERT_TRUE(reader);
  std::string bytes(10, '\0');
  EXPECT_EQ(*(*reader)->read(bytes.data(), bytes.size()), 3U);
  EXPECT_EQ(bytes.substr(0, 3), "789");
  EXPECT_EQ(*(*reader)->read(bytes.data(), bytes.size()), 0U);
}

TEST(DirectoryStore, ShowsNothingThatIsNotWhole) {
  TestFolder folder;
  auto store = open_at(folder.path());
  {
    auto writer = store->put("shop/1/a");
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->write("half"));
    EXPECT_FALSE(store->get("shop/1/a"));
  }
  EXPECT_EQ(files_below(folder.path()), 0U);
}

TEST(DirectoryStore, RemovesFoldersThatAreEmpty) {
  TestFolder folder;
  auto store = open_at(folder.path());
  ASSERT_TRUE(write_object(*store, "shop/1/a", "x"));
  ASSERT_TRUE(write_object(*store, "shop/2/b", "x"));
  ASSERT_TRUE(store->remove("shop/1/a"));
  ASSERT_TRUE(store->remove("shop/1/a"));
  EXPECT_FALSE(fs::exists(folder.path() + "/shop/1"));
  ASSERT_TRUE(store->remove("shop/2/b"));
  EXPECT_FALSE(fs::exists(folder.path() + "/shop"));
  EXPECT_TRUE(fs::exists(folder.path()));
}

TEST(DirectoryStore, TellsWhatIsWrong) {
  TestFolder folder;
  auto store = open_at(folder.path() + "/none");
  EXPECT_EQ(store->list("").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store->get("a").error().code, ErrorCode::kNotFound);
  std::ofstream(folder.path() + "/file") << "x";
  auto at_file = open_at(folder.path() + "/file");
  EXPECT_FALSE(at_file->put("a"));
  EXPECT_FALSE(at_file->list(""));
  auto here = open_at(folder.path());
  ASSERT_TRUE(write_object(*here, "a", std::string(kEnough + 1, 'x')));
  EXPECT_EQ(read_object(*here, "a", kEnough).error().code, ErrorCode::kExhausted);
  for (const char* name : {"", "..", "a/../b", "/a", "a/", ".hidden", "a b", "a//b"})
    EXPECT_EQ(here->put(name).error().code, ErrorCode::kInvalidArgument) << name;
}

TEST(OpenStore, RefusesOtherPlaces) {
  for (const char* url : {"", "file://", "ftp://host/a"}) {
    Result<std::unique_ptr<Store>> none = open_store(url);
    ASSERT_FALSE(none) << url;
    EXPECT_EQ(none.error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace keyway::backup
