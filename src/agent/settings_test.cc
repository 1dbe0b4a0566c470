#include "agent/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace keyway::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SettingsOf : public testing::Test {
 protected:
  SettingsOf() {
    given = {{"POD_NAME", "redis-partition-p1-app-0"},
             {"POD_UID", "u1"},
             {"POD_IP", "10.0.0.7"},
             {"KEYWAY_CLUSTER", "app"},
             {"KEYWAY_MODE", "sharded"},
             {"KEYWAY_SHARD", "p1"}};
  }
  Result<Settings> read() {
    return read_settings([this](const SettingName& name) -> std::optional<std::string> {
      auto found = given.find(name.variable);
      return found == given.end() ? std::nullopt : std::optional(found->second);
    });
  }

  std::map<std::string_view, std::string> given;
};

TEST_F(SettingsOf, WhatIsNotGivenIsAsInAPod) {
  Result<Settings> settings = read();
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->identity(), "redis-partition-p1-app-0/u1");
  EXPECT_EQ(settings->server, (Address{"10.0.0.7", 6379}));
  EXPECT_EQ(settings->bus_port, 16379);
  EXPECT_EQ(settings->http, (Address{"0.0.0.0", 9121}));
  EXPECT_EQ(settings->data_folder, "/data");
  EXPECT_EQ(settings->replicas, 0);
  EXPECT_EQ(settings->grace_ms, 30'000);
  EXPECT_FALSE(settings->max_memory_bytes);
  EXPECT_THAT(settings->partitions, IsEmpty());
}

TEST_F(SettingsOf, TakesWhatIsGiven) {
  given["KEYWAY_MODE"] = "replicated";
  given["KEYWAY_PARTITIONS"] = "p1, p2,,p3";
  given["KEYWAY_REPLICAS"] = "2";
  given["KEYWAY_PORT"] = "60000";
  given["KEYWAY_MAXMEMORY_BYTES"] = "1048576";
  Result<Settings> settings = read();
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->mode, cluster::Mode::kReplicated);
  EXPECT_THAT(settings->partitions, ElementsAre("p1", "p2", "p3"));
  EXPECT_EQ(settings->replicas, 2);
  EXPECT_EQ(settings->server.port, 60000);
  EXPECT_EQ(settings->bus_port, 0) << "there is no bus";
  EXPECT_EQ(settings->max_memory_bytes, 1048576);
}

TEST_F(SettingsOf, SaysWhatIsMissingOrWrong) {
  const std::pair<std::string_view, std::string> wrong[] = {
      {"POD_NAME", ""},           {"POD_IP", ""},          {"KEYWAY_CLUSTER", ""},
      {"KEYWAY_MODE", "both"},    {"KEYWAY_SHARD", ""},    {"KEYWAY_REPLICAS", "65"},
      {"KEYWAY_REPLICAS", "two"}, {"KEYWAY_PORT", "0"},    {"KEYWAY_PORT", "60000"},
      {"KEYWAY_HTTP", "nowhere"}, {"KEYWAY_DATA", "data"}, {"KEYWAY_MAXMEMORY_BYTES", "-1"},
      {"KEYWAY_GRACE_MS", "10"},
  };
  for (const auto& [name, value] : wrong) {
    auto before = given;
    given[name] = value;
    Result<Settings> settings = read();
    ASSERT_FALSE(settings) << name << "=" << value;
    EXPECT_EQ(settings.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(settings.error().message, HasSubstr(name));
    given = before;
  }
  given["KEYWAY_SERVER_CONFIG"] = "";
  EXPECT_TRUE(read()) << "empty is as if it were not given";
}

}  // namespace
}  // namespace keyway::agent
