#include "platform/local/node_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "platform/local/server_config.h"
#include "platform/local/test_home.h"

namespace keyway::platform::local {
namespace {

using cluster::DataOnDisk;

constexpr int64_t kWallMs = 1'795'309'436'000;  // 2026-11-22T01:03:56Z

class NodeFiles : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(replace_file(home_.path + "/" + name, text, Durability::kVolatile));
  }
  void write_append_only() {
    ASSERT_TRUE(make_private_folder(home_.path + "/appendonlydir"));
    write("appendonlydir/appendonly.aof.manifest", "file x seq 1 type i\n");
  }
  void started_with(const cluster::ServerConfig& config) {
    ServerPlace place;
    place.paths = paths_;
    write("redis.conf", render_server_config(place, config));
  }
  std::set<std::string> names() {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(home_.path))
      found.insert(entry.path().filename());
    return found;
  }

  TestHome home_;
  NodePaths paths_{home_.path};
};

TEST_F(NodeFiles, DataIsWhatTheServerWouldLoad) {
  EXPECT_EQ(data_on_disk(paths_, false), DataOnDisk::kNone);
  EXPECT_EQ(data_on_disk(paths_, true), DataOnDisk::kNone);
  write("dump.rdb", "");
  EXPECT_EQ(data_on_disk(paths_, false), DataOnDisk::kNone) << "an empty file is no data";
  write("dump.rdb", "REDIS");
  EXPECT_EQ(data_on_disk(paths_, false), DataOnDisk::kPresent);
  EXPECT_EQ(data_on_disk(paths_, true), DataOnDisk::kNone);
  write_append_only();
  EXPECT_EQ(data_on_disk(paths_, true), DataOnDisk::kPresent);
}

TEST_F(NodeFiles, AServerIsStartedWithWhatItKeptItsDataWith) {
  cluster::ServerConfig with = {{"appendonly", "yes"}, {"hz", "10"}};
  cluster::ServerConfig without = {{"hz", "10"}};
  EXPECT_EQ(config_that_loads(paths_, with), with) << "never started";
  started_with(without);
  EXPECT_EQ(config_that_loads(paths_, with), with) << "no data";
  write("dump.rdb", "REDIS");
  EXPECT_EQ(config_that_loads(paths_, with), (cluster::ServerConfig{{"appendonly", "no"}, {"hz", "10"}}));
  EXPECT_EQ(config_that_loads(paths_, without), without);
  started_with(with);
  write_append_only();
  EXPECT_EQ(config_that_loads(paths_, without), (cluster::ServerConfig{{"appendonly", "yes"}, {"hz", "10"}}));
  EXPECT_EQ(config_that_loads(paths_, with), with);
}

TEST_F(NodeFiles, SettingAsideKeepsEverything) {
  EXPECT_TRUE(set_aside(paths_, true, kWallMs)) << "nothing there";
  write("dump.rdb", "1");
  write("nodes.conf", "2");
  write_append_only();
  ASSERT_TRUE(set_aside(paths_, false, kWallMs));
  EXPECT_EQ(names(), (std::set<std::string>{"dump.rdb.aside-20261122T010356Z",
                                            "appendonlydir.aside-20261122T010356Z", "nodes.conf"}));
  write("dump.rdb", "3");
  ASSERT_TRUE(set_aside(paths_, true, kWallMs));
  EXPECT_EQ(read_file(home_.path + "/dump.rdb.aside-20261122T010356Z").value(), "1");
  EXPECT_EQ(read_file(home_.path + "/dump.rdb.aside-20261122T010356Z-1").value(), "3");
  EXPECT_EQ(read_file(home_.path + "/nodes.conf.aside-20261122T010356Z").value(), "2");
  EXPECT_TRUE(set_aside({home_.path + "/none"}, true, kWallMs)) << "no folder at all";
}

TEST_F(NodeFiles, OnlyALargeLogIsTurned) {
  write("server.log", "small");
  EXPECT_FALSE(turn_log(paths_));
  ASSERT_EQ(::truncate(paths_.log_file().c_str(), 9 << 20), 0);
  EXPECT_TRUE(turn_log(paths_));
  EXPECT_EQ(names(), std::set<std::string>{"server.log.1"});
}

}  // namespace
}  // namespace keyway::platform::local
