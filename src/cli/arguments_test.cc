#include "cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/grammar.h"

namespace keyway::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <typename T>
T parsed(const std::vector<std::string>& words) {
  Result<Invocation> invocation = parse_arguments(words);
  EXPECT_TRUE(invocation) << (invocation ? "" : invocation.error().message);
  if (!invocation) return {};
  EXPECT_TRUE(std::holds_alternative<T>(invocation->command));
  return std::get<T>(invocation->command);
}

std::string refused(const std::vector<std::string>& words) {
  Result<Invocation> invocation = parse_arguments(words);
  if (invocation) return "accepted";
  EXPECT_EQ(invocation.error().code, ErrorCode::kInvalidArgument);
  return invocation.error().message;
}

TEST(Arguments, UpTakesEverything) {
  auto up = parsed<UpCommand>({"up", "shop", "-f", "a.yaml", "--shards", "6", "--replicas=0", "--mode",
                               "sharded", "--engine", "/opt/v", "--port", "7000", "--memory", "512Mi", "-d",
                               "--timeout", "5m"});
  EXPECT_EQ(up.cluster, "shop");
  EXPECT_EQ(up.file, "a.yaml");
  EXPECT_EQ(up.flags.shards, 6);
  EXPECT_EQ(up.flags.replicas, 0);
  EXPECT_EQ(up.flags.mode, cluster::Mode::kSharded);
  EXPECT_EQ(up.flags.engine, "/opt/v");
  EXPECT_EQ(up.flags.port, 7000);
  EXPECT_EQ(up.flags.memory_bytes, 512 << 20);
  EXPECT_TRUE(up.detach);
  EXPECT_EQ(up.timeout_ms, 300'000);
}

TEST(Arguments, ThePortOfAProxyMayBeLeftOut) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"up", "shop", "--proxy"}, {"up", "--proxy", "shop"}, {"up", "shop", "--proxy", "-d"}}) {
    auto up = parsed<UpCommand>(words);
    EXPECT_EQ(up.cluster, "shop");
    EXPECT_EQ(up.flags.proxy_port, 0);
  }
  EXPECT_EQ(parsed<UpCommand>({"up", "--proxy=6380"}).flags.proxy_port, 6380);
  auto up = parsed<UpCommand>({"up", "--proxy", "6380", "shop"});
  EXPECT_EQ(up.flags.proxy_port, 6380);
  EXPECT_EQ(up.cluster, "shop");
  EXPECT_TRUE(parsed<UpCommand>({"up", "--no-proxy"}).flags.no_proxy);
  EXPECT_THAT(refused({"up", "--proxy=65536"}), HasSubstr("--proxy"));
  EXPECT_THAT(refused({"up", "--proxy", "--no-proxy"}), HasSubstr("contradict"));
  EXPECT_THAT(refused({"proxy", "--listen", "127.0.0.1:0", "--open-as", "u", "10.0.0.1:7001"}),
              HasSubstr("--open-as"));
}

TEST(Arguments, UpTakesNothing) {
  auto up = parsed<UpCommand>({"up"});
  EXPECT_EQ(up.cluster, "");
  EXPECT_TRUE(up.flags.empty());
  EXPECT_FALSE(up.detach);
}

TEST(Arguments, OneWordIsTheThingAndTwoAreNameAndThing) {
  auto one = parsed<FailoverCommand>({"failover", "p1"});
  EXPECT_EQ(one.cluster, "");
  EXPECT_EQ(one.shard, "p1");
  auto two = parsed<FailoverCommand>({"failover", "shop", "p1", "--to", "p1-1"});
  EXPECT_EQ(two.cluster, "shop");
  EXPECT_EQ(two.shard, "p1");
  EXPECT_EQ(two.to_node, "p1-1");
  auto flag = parsed<PasswordCommand>({"password", "admin", "--cluster", "shop"});
  EXPECT_EQ(flag.cluster, "shop");
  EXPECT_EQ(flag.user, "admin");
}

TEST(Arguments, ExecKeepsTheProgramsOwnFlags) {
  auto exec =
      parsed<ExecCommand>({"exec", "shop", "p1-0", "--", "redis-cli", "--json", "-c", "--", "--help"});
  EXPECT_EQ(exec.cluster, "shop");
  EXPECT_EQ(exec.node, "p1-0");
  EXPECT_THAT(exec.program, ElementsAre("redis-cli", "--json", "-c", "--", "--help"));
  EXPECT_TRUE(parsed<ExecCommand>({"exec", "p1-0"}).program.empty());
  EXPECT_FALSE(asks_for_json({"exec", "p1-0", "--", "redis-cli", "--json"}));
}

TEST(Arguments, RestartOfOneNodeOrRolling) {
  EXPECT_EQ(parsed<RestartCommand>({"restart", "p1-0"}).node, "p1-0");
  auto rolling = parsed<RestartCommand>({"restart", "shop", "--rolling"});
  EXPECT_EQ(rolling.cluster, "shop");
  EXPECT_EQ(rolling.node, "");
}

TEST(Arguments, LogsHasBothMeaningsOfF) {
  auto logs = parsed<LogsCommand>({"logs", "shop", "p1-0", "-fn20"});
  EXPECT_EQ(logs.cluster, "shop");
  EXPECT_EQ(logs.node, "p1-0");
  EXPECT_TRUE(logs.follow);
  EXPECT_EQ(logs.lines, 20);
}

TEST(Arguments, JsonIsForEveryCommandThatHasIt) {
  Result<Invocation> status = parse_arguments({"status", "--json"});
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->json);
  EXPECT_TRUE(asks_for_json({"stauts", "--json"}));
}

TEST(Arguments, ErrorsNameTheFlagAndTheRemedy) {
  EXPECT_EQ(refused({"up", "--shards", "many"}),
            "--shards: \"many\" is not a number from 1 to 1000; write, for example, --shards 3");
  EXPECT_THAT(refused({"up", "--shards", "0"}), HasSubstr("from 1 to 1000"));
  EXPECT_THAT(refused({"up", "--shards", "-1"}), HasSubstr("--shards"));
  EXPECT_THAT(refused({"up", "--shards"}), HasSubstr("--shards needs one value"));
  EXPECT_THAT(refused({"up", "--shrads", "3"}), HasSubstr("did you mean --shards?)"));
  EXPECT_THAT(refused({"up", "--mode", "cluster"}), HasSubstr("--mode sharded or --mode replicated"));
  EXPECT_THAT(refused({"up", "--memory", "lots"}), HasSubstr("--memory 512Mi"));
  EXPECT_THAT(refused({"up", "-d", "--timeout", "never"}), HasSubstr("--timeout 90"));
  EXPECT_THAT(refused({"up", "--timeout", "9"}), HasSubstr("--detach"));
  EXPECT_THAT(refused({"up", "a", "b"}), HasSubstr("\"b\" is one word too many"));
  EXPECT_THAT(refused({"status", "a", "--cluster", "b"}), HasSubstr("two clusters"));
  EXPECT_THAT(refused({"failover"}), HasSubstr("[NAME] SHARD"));
  EXPECT_THAT(refused({"restart"}), HasSubstr("--rolling"));
  EXPECT_THAT(refused({"scale"}), HasSubstr("--shards N"));
  EXPECT_THAT(refused({"apply"}), HasSubstr("-f FILE"));
  EXPECT_THAT(refused({"plan"}), HasSubstr("-f FILE"));
  EXPECT_THAT(refused({"exec", "p1-0", "redis-cli", "ping"}), HasSubstr("keyway exec p1-0 -- redis-cli"));
  EXPECT_THAT(refused({"completion", "fish"}), HasSubstr("bash or zsh"));
  EXPECT_THAT(refused({"ls", "x"}), HasSubstr("one word too many"));
}

TEST(Arguments, ProxyAndItsTop) {
  auto proxy =
      parsed<ProxyCommand>({"proxy", "--listen", "127.0.0.1:0", "--reads", "nearest", "--max-lag-s", "2m",
                            "--max-lag-bytes", "1Mi", "--zone", "a", "--slowlog-us", "-1", "10.0.0.1:7"});
  EXPECT_EQ(proxy.reads.policy, proxy::ReadPolicy::kNearest);
  EXPECT_EQ(proxy.reads.max_lag_ms, 120'000);
  EXPECT_EQ(proxy.reads.max_lag_bytes, 1 << 20);
  EXPECT_EQ(proxy.reads.zone, "a");
  EXPECT_EQ(proxy.slow_us, -1);
  EXPECT_THAT(refused({"proxy", "--listen", "127.0.0.1:0", "--reads", "any", "10.0.0.1:7"}),
              HasSubstr("--reads primary, prefer-replica or nearest"));
  EXPECT_THAT(refused({"proxy", "--listen", "127.0.0.1:0", "--max-lag-bytes", "x", "10.0.0.1:7"}),
              HasSubstr("--max-lag-bytes 1Mi"));
  auto top = parsed<ProxyTopCommand>({"proxy", "top", "[::1]:9121", "--once"});
  EXPECT_EQ(top.metrics, (Address{"::1", 9121}));
  EXPECT_TRUE(top.once);
  EXPECT_THAT(refused({"proxy", "top", "a:b"}), HasSubstr("`keyway proxy top --help`"));
  EXPECT_THAT(refused({"proxy", "top", "shop", "store"}), HasSubstr("one word too many"));
  EXPECT_EQ(parsed<ProxyTopCommand>({"proxy", "top", "shop"}).cluster, "shop");
  EXPECT_TRUE(parsed<ProxyTopCommand>({"proxy", "top"}).metrics.empty()) << "of the only cluster";
  auto map = parsed<ProxyMapCommand>({"proxy", "map", "--format", "python", "127.0.0.1:9500"});
  EXPECT_EQ(map.metrics, (Address{"127.0.0.1", 9500}));
  EXPECT_TRUE(map.python);
  EXPECT_FALSE(parsed<ProxyMapCommand>({"proxy", "map", "--cluster", "shop"}).python);
  EXPECT_THAT(refused({"proxy", "map", "--format", "yaml", "127.0.0.1:1"}),
              HasSubstr("neither json nor python"));
  EXPECT_THAT(parsed<HelpCommand>({"help", "proxy", "top"}).text,
              HasSubstr("Usage: keyway proxy top ADDR:PORT"));
}

TEST(Arguments, CommandsAreSuggested) {
  EXPECT_THAT(refused({"stauts"}), HasSubstr("did you mean status?)"));
  EXPECT_THAT(refused({"--json", "status"}), HasSubstr("flags come after the command"));
  EXPECT_THAT(refused({"frobnicate"}), testing::Not(HasSubstr("did you mean")));
}

TEST(Arguments, HelpIsThereForEveryCommandAndNamesItsFlags) {
  EXPECT_THAT(parsed<HelpCommand>({}).text, HasSubstr("failover"));
  for (const CommandSyntax& command : all_commands()) {
    std::string text = parsed<HelpCommand>({std::string(command.name), "--help"}).text;
    EXPECT_THAT(text, HasSubstr("Usage: keyway " + std::string(command.name)));
    for (std::string_view flag : command.flags) {
      EXPECT_THAT(text, HasSubstr(std::string(flag_named(flag).long_spelling())));
    }
  }
  EXPECT_THAT(parsed<HelpCommand>({"help", "exec"}).text, HasSubstr("[flags] [-- PROGRAM"));
}

TEST(Arguments, HiddenCommands) {
  EXPECT_EQ(parsed<SuperviseCommand>({"supervise", "shop"}).cluster, "shop");
  EXPECT_THAT(parsed<CompleteCommand>({"__complete", "up", "--"}).words, ElementsAre("up", "--"));
  EXPECT_THAT(parsed<HelpCommand>({}).text, testing::Not(HasSubstr("supervise")));
}

}  // namespace
}  // namespace keyway::cli
