#include "platform/local/state.h"

#include <gmock/gmock.h>

#include "platform/local/test_home.h"

namespace keyway::platform::local {
namespace {

using testing::HasSubstr;

ClusterState sample() {
  ClusterState state;
  state.spec = cluster::default_spec("blue", cluster::Mode::kReplicated, 1, 1);
  state.spec.config["save"] = "3600 1";
  state.engine_path = "/usr/bin/redis-server";
  state.engine_version = "7.0.15";
  NodeState first;
  first.name = "p1-0";
  first.shard = "p1";
  first.port = 7000;
  first.id = std::string(40, 'a');
  first.run.process = {123, 456789, "boot"};
  first.run.started_ms = 1'700'000'000'123;
  first.run.log_offset_bytes = 17;
  first.run.failed_starts = 2;
  first.run.unloadable = true;
  first.run.applied_config = {{"maxmemory", "1024"}, {"save", ""}};
  first.run.applied_users = "f00";
  first.run.note = "exit code 1: \"odd\" \xff";
  NodeState second;
  second.name = "p1-1";
  second.shard = "p1";
  second.port = 7001;
  second.id = std::string(40, 'b');
  second.follow = "p1-0";
  second.removing = true;
  state.nodes = {first, second};
  state.shards["p1"] = {"p1-0", true};
  state.formed = true;
  state.restart_before_ms["p1-0"] = 99;
  state.switchover["p1"] = "";
  return state;
}

TEST(State, ComesBackAsItWas) {
  ClusterState state = sample();
  state.nodes[0].run.note = "exit code 1";
  Result<ClusterState> read = decode_state(encode_state(state), "state.json");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->nodes[0].run, NodeRun{}) << "what is known of processes is in the other file";
  ASSERT_TRUE(decode_run(encode_run(state), *read));
  EXPECT_EQ(read->spec, state.spec);
  EXPECT_EQ(read->engine_path, state.engine_path);
  EXPECT_EQ(read->engine_version, state.engine_version);
  EXPECT_EQ(read->nodes, state.nodes);
  EXPECT_EQ(read->shards.at("p1").primary, "p1-0");
  EXPECT_TRUE(read->shards.at("p1").held_data);
  EXPECT_TRUE(read->formed);
  EXPECT_EQ(read->restart_before_ms, state.restart_before_ms);
  EXPECT_EQ(read->switchover, state.switchover);
}

TEST(State, TextThatIsNoUtf8DoesNotStopIt) {
  ClusterState state = sample();
  ASSERT_TRUE(decode_run(encode_run(state), state));
}

TEST(State, RefusesDamagedTextsAndNamesTheFile) {
  std::string good = encode_state(sample());
  for (const std::string& text :
       {std::string(), std::string("{"), good.substr(0, good.size() / 2), std::string("[]"),
        std::string("{}"), std::string("{\"format\": \"1\"}"), std::string("{\"format\": 0}"),
        std::string("{\"format\": 1}"), std::string("{\"format\": 1, \"spec\": 3}")}) {
    Result<ClusterState> read = decode_state(text, "/home/me/state.json");
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt) << text;
    EXPECT_THAT(read.error().message, HasSubstr("/home/me/state.json is damaged"));
    EXPECT_THAT(read.error().message, HasSubstr("good copy"));
  }
}

TEST(State, EveryCutIsAnErrorAndNoCrash) {
  std::string good = encode_state(sample());
  for (size_t length = 0; length + 2 < good.size(); length += 7) {
    EXPECT_FALSE(decode_state(std::string_view(good).substr(0, length), "state.json")) << length;
  }
}

TEST(State, RefusesNodeNamesThatAreNoFolders) {
  for (const char* name : {"", "../x", "a/b", ".hidden"}) {
    ClusterState state = sample();
    state.nodes[0].name = name;
    EXPECT_FALSE(decode_state(encode_state(state), "state.json")) << name;
  }
}

TEST(State, RefusesWhatANewerKeywayWrote) {
  Result<ClusterState> read = decode_state("{\"format\": 2, \"whatever\": true}", "/x/state.json");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(read.error().message, HasSubstr("newer Keyway"));
}

TEST(State, ALostOrDamagedRunFileIsNoError) {
  TestHome home;
  ClusterPaths paths{home.path};
  EXPECT_EQ(load_state(paths).error().code, ErrorCode::kNotFound);
  ClusterState state = sample();
  ASSERT_TRUE(save_state(paths, state));
  EXPECT_EQ(load_state(paths).value().nodes[0].run, NodeRun{});
  ASSERT_TRUE(
      replace_file(paths.run_file(), "{\"format\": 1, \"nodes\": {\"p1-0\": {}}}", Durability::kVolatile));
  EXPECT_EQ(load_state(paths).value().nodes[0].run, NodeRun{});
  ASSERT_TRUE(save_run(paths, state));
  EXPECT_EQ(load_state(paths).value().nodes[0].run.process, state.nodes[0].run.process);
}

}  // namespace
}  // namespace keyway::platform::local
