#include "platform/local/server_config.h"

#include <gmock/gmock.h>

#include "platform/local/engine_program.h"
#include "platform/local/node_files.h"
#include "platform/local/process.h"
#include "platform/local/test_home.h"

namespace keyway::platform::local {
namespace {

using testing::HasSubstr;
using testing::Not;

const cluster::ServerConfig kOddConfig = {
    {"save", "3600 1 300 100"},
    {"client-output-buffer-limit", "normal 0 0 0 replica 268435456 67108864 60 pubsub 33554432 8388608 60"},
    {"oom-score-adj-values", "0 200 800"},
    {"notify-keyspace-events", ""},
    {"proc-title-template", "{title} \"a b\" \\ {listen-addr}"},
    {"maxmemory", "104857600"},
    {"appendonly", "yes"},
    {"syslog-ident", "tab\there # no comment"},
};

ServerPlace place_in(const std::string& folder, int port) {
  ServerPlace place;
  place.paths = {folder};
  place.address = {"127.0.0.1", static_cast<uint16_t>(port)};
  place.admin_user = "admin";
  place.admin_password = "secret";
  return place;
}

TEST(ServerConfig, ReadsBackWhatItRendered) {
  EXPECT_EQ(read_server_config(render_server_config(place_in("/x", 7000), kOddConfig)), kOddConfig);
  EXPECT_EQ(read_server_config(render_server_config(place_in("/x", 7000), {})), cluster::ServerConfig{});
  cluster::ServerConfig saves_nothing = {{"save", ""}};
  EXPECT_EQ(read_server_config(render_server_config(place_in("/x", 7000), saves_nothing)), saves_nothing);
  EXPECT_EQ(read_server_config("port 7000\nhz 10\n"), cluster::ServerConfig{});
  EXPECT_EQ(read_directives("# no\nPort 7000\n\nappendonly no\nsave 1 2 3 4\n AppendOnly\t\"yes\"\r\nhz"),
            (cluster::ServerConfig{{"port", "7000"}, {"save", "1 2 3 4"}, {"appendonly", "yes"}}));
}

TEST(ServerConfig, QuotesAgainstInjection) {
  EXPECT_EQ(quote_value("hz", "10\nport 1"), "\"10\\x0aport 1\"");
  EXPECT_EQ(quote_value("save", "1 2\nport 1"), "1 2 port 1") << "lines are joined";
  EXPECT_EQ(quote_value("save", ""), "\"\"");
  EXPECT_EQ(quote_value("save", "\"\""), "\"\"");
  EXPECT_EQ(quote_value("proc-title-template", "a \"b\""), "\"a \\\"b\\\"\"");
}

TEST(ServerConfig, RolesOfAReplicatedServer) {
  ServerPlace place = place_in("/x", 7000);
  place.mode = cluster::Mode::kReplicated;
  EXPECT_THAT(render_server_config(place, {}), Not(HasSubstr("replicaof")));
  EXPECT_THAT(render_server_config(place, {}), Not(HasSubstr("cluster-enabled")));
  place.role = StartRole::kHold;
  EXPECT_THAT(render_server_config(place, {}), HasSubstr("\nreplicaof 127.0.0.1 1\n"));
  place.role = StartRole::kReplica;
  place.follow = {"::1", 7001};
  EXPECT_THAT(render_server_config(place, {}), HasSubstr("\nreplicaof ::1 7001\n"));
  place.mode = cluster::Mode::kSharded;
  EXPECT_THAT(render_server_config(place, {}), Not(HasSubstr("replicaof")));
}

TEST(ServerConfig, AServerThatSavesNothingSavesAtItsEnd) {
  ServerPlace place = place_in("/x", 7000);
  EXPECT_THAT(render_server_config(place, {{"save", ""}}), HasSubstr("shutdown-on-sigterm save"));
  EXPECT_THAT(render_server_config(place, {{"save", ""}, {"appendonly", "yes"}}),
              Not(HasSubstr("shutdown-on-sigterm")));
  EXPECT_THAT(render_server_config(place, {}), Not(HasSubstr("shutdown-on-sigterm")));
  EXPECT_THAT(render_server_config(place, {{"save", ""}, {"shutdown-on-sigterm", "nosave"}}),
              Not(HasSubstr("shutdown-on-sigterm save")));
}

class ServerConfigOn : public testing::TestWithParam<engine::TestEngine> {};

// Each server reads every value as it was meant, in a folder with an odd name.
TEST_P(ServerConfigOn, ARealServerReadsItAsMeant) {
  TestHome home;
  std::string folder = home.path + "/a \"b\" #c";
  ASSERT_TRUE(make_private_folder(folder));
  int port = free_row(1);
  ServerPlace place = place_in(folder, port);
  ASSERT_TRUE(replace_file(place.paths.config_file(), render_server_config(place, kOddConfig),
                           Durability::kVolatile));
  ASSERT_TRUE(
      replace_file(place.paths.users_file(), "user default on nopass ~* &* +@all\n", Durability::kVolatile));
  EngineProgram engine = find_engine(engine_spec(GetParam())).value();
  Result<ProcessIdentity> process =
      launch(Launch{engine.server, {place.paths.config_file()}, folder, place.paths.log_file()});
  ASSERT_TRUE(process) << process.error().message;
  auto ask = [&](const std::string& name) {
    std::string script = "exec '" + engine.client + "' -p " + std::to_string(port) + " config get " + name;
    Result<ShortRun> run = run_briefly(Launch{"/bin/sh", {"-c", script}, "/", ""}, 5000);
    return run ? run->output : std::string();
  };
  ASSERT_TRUE(wait_until([&] { return ask("port") == "port\n" + std::to_string(port) + "\n"; }))
      << read_tail(place.paths.log_file(), 0, 4096);
  for (const auto& [name, value] : kOddConfig) {
    // Servers still call replicas "slave" here.
    std::string expected = name;
    expected += name == "client-output-buffer-limit"
                    ? "\nnormal 0 0 0 slave" + value.substr(value.find("replica") + 7) + "\n"
                    : "\n" + value + "\n";
    EXPECT_EQ(ask(name), expected);
  }
  EXPECT_EQ(ask("dir"), "dir\n" + folder + "\n");
  EXPECT_EQ(ask("masterauth"), "masterauth\nsecret\n");
}

INSTANTIATE_TEST_SUITE_P(Engines, ServerConfigOn, testing::ValuesIn(engine::test_engines()),
                         engine_test_name);

}  // namespace
}  // namespace keyway::platform::local
