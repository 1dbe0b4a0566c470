#include "cli/cluster/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/cluster/grammar.h"
#include "cli/cluster/usage.h"

namespace keyway::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

using Words = std::vector<std::string>;

// As main calls it: by the program's own name, or as redis-trib.
Result<Invocation> parse(Spelling spelling, const Words& words) {
  if (spelling == Spelling::kRedisTrib) return parse_tool(Spelling::kRedisTrib, words);
  return parse_arguments(words);
}

ToolInvocation parsed(Spelling spelling, const Words& words) {
  Result<Invocation> invocation = parse(spelling, words);
  EXPECT_TRUE(invocation) << (invocation ? "" : invocation.error().message);
  if (!invocation) return {};
  EXPECT_TRUE(std::holds_alternative<ToolInvocation>(invocation->command));
  ToolInvocation tool = std::get<ToolInvocation>(invocation->command);
  EXPECT_EQ(tool.spelling, spelling);
  return tool;
}

ToolInvocation own(Words words) {
  words.insert(words.begin(), "cluster");
  return parsed(Spelling::kOwn, words);
}
ToolInvocation redis_cli(const Words& words) { return parsed(Spelling::kRedisCli, words); }
ToolInvocation redis_trib(const Words& words) { return parsed(Spelling::kRedisTrib, words); }

template <typename Request>
Request request_of(const ToolInvocation& tool) {
  EXPECT_TRUE(std::holds_alternative<Request>(tool.request));
  return std::holds_alternative<Request>(tool.request) ? std::get<Request>(tool.request) : Request{};
}

std::string refused(Spelling spelling, const Words& words) {
  Result<Invocation> invocation = parse(spelling, words);
  if (invocation) return "accepted";
  EXPECT_EQ(invocation.error().code, ErrorCode::kInvalidArgument);
  return invocation.error().message;
}

std::string refused_own(Words words) {
  words.insert(words.begin(), "cluster");
  return refused(Spelling::kOwn, words);
}

const Address kA{"127.0.0.1", 7000};
const Address kB{"127.0.0.1", 7001};

TEST(ToolCreate, InAllSpellings) {
  for (const ToolInvocation& tool :
       {own({"create", "127.0.0.1:7000", "127.0.0.1:7001", "--replicas", "1", "-y"}),
        redis_cli({"--cluster", "create", "127.0.0.1:7000", "127.0.0.1:7001", "--cluster-replicas", "1",
                   "--cluster-yes"}),
        redis_trib({"create", "--replicas", "1", "--yes", "127.0.0.1:7000", "127.0.0.1:7001"})}) {
    auto create = request_of<admin::CreateOptions>(tool);
    EXPECT_THAT(create.nodes, ElementsAre(kA, kB));
    EXPECT_EQ(create.replicas, 1);
    EXPECT_TRUE(create.yes);
    EXPECT_TRUE(tool.seed.empty());
  }
}

TEST(ToolCreate, ZonesAndWaiting) {
  auto create = request_of<admin::CreateOptions>(
      own({"create", "127.0.0.1:7000", "[::1]:7001", "--zone", "127.0.0.1:7000=a", "--zone", "[::1]:7001=b",
           "--wait", "2m", "--dry-run"}));
  EXPECT_THAT(create.zones, UnorderedElementsAre(Pair(kA, "a"), Pair(Address{"::1", 7001}, "b")));
  EXPECT_EQ(create.timeout_ms, 120'000);
  EXPECT_TRUE(create.dry_run);
  EXPECT_FALSE(create.yes);
}

TEST(ToolCheck, InAllSpellings) {
  for (const ToolInvocation& tool :
       {own({"check", "127.0.0.1:7000", "--search-keys"}),
        redis_cli({"--cluster", "check", "127.0.0.1:7000", "--cluster-search-multiple-owners"}),
        redis_cli({"--cluster", "check", "127.0.0.1", "7000", "--cluster-search-multiple-owners"}),
        redis_trib({"check", "--search-keys", "127.0.0.1:7000"})}) {
    EXPECT_TRUE(request_of<admin::CheckOptions>(tool).search_keys);
    EXPECT_EQ(tool.seed.address, kA);
  }
}

TEST(ToolSeed, MayBeALocalCluster) {
  EXPECT_EQ(own({"info", "shop"}).seed.cluster, "shop");
  EXPECT_TRUE(own({"info", "shop"}).seed.address.empty());
  EXPECT_EQ(own({"set-timeout", "shop", "5000"}).seed.cluster, "shop");
}

TEST(ToolSeed, OfRedisClisGeneralOptions) {
  EXPECT_EQ(redis_cli({"-h", "10.0.0.1", "-p", "7001", "--cluster", "info"}).seed.address,
            (Address{"10.0.0.1", 7001}));
  EXPECT_EQ(redis_cli({"-p", "7001", "--cluster", "info", "127.0.0.1:7000"}).seed.address, kA);
  EXPECT_EQ(redis_cli({"-p", "7001", "--cluster", "set-timeout", "5000"}).seed.address, kB);
  ToolInvocation by_uri = redis_cli({"-u", "rediss://ada:s%40cret@10.0.0.1:7001", "--cluster", "check"});
  EXPECT_EQ(by_uri.seed.address, (Address{"10.0.0.1", 7001}));
  EXPECT_EQ(by_uri.access.login.user, "ada");
  EXPECT_EQ(by_uri.access.login.password, "s@cret");
  EXPECT_TRUE(by_uri.access.tls.enabled);
}

TEST(ToolFix, InAllSpellings) {
  for (const ToolInvocation& tool :
       {own({"fix", "127.0.0.1:7000", "--give-up-unreachable", "--yes"}),
        redis_cli({"--cluster", "fix", "127.0.0.1:7000", "--cluster-fix-with-unreachable-masters",
                   "--cluster-yes"}),
        redis_cli({"--cluster", "fix", "127.0.0.1:7000", "--cluster-fix-with-unreachable-primaries",
                   "--cluster-yes"})}) {
    auto fix = request_of<admin::FixOptions>(tool);
    EXPECT_TRUE(fix.with_unreachable_primaries);
    EXPECT_TRUE(fix.yes);
  }
  EXPECT_EQ(request_of<admin::FixOptions>(own({"fix", "127.0.0.1:7000", "--prefer", "abcd"})).prefer, "abcd");
  EXPECT_FALSE(request_of<admin::FixOptions>(redis_trib({"fix", "127.0.0.1:7000"})).yes);
  EXPECT_THAT(redis_trib({"fix", "--timeout", "5000", "127.0.0.1:7000"}).remarks,
              ElementsAre(HasSubstr("--timeout has no effect")));
}

TEST(ToolReshard, InAllSpellings) {
  for (const ToolInvocation& tool :
       {own({"reshard", "127.0.0.1:7000", "--from", "a,b", "--to", "c", "--slots", "16", "--yes",
             "--migrate-timeout-ms", "5000", "--batch-keys", "20"}),
        redis_cli({"--cluster", "reshard", "127.0.0.1:7000", "--cluster-from", "a,b", "--cluster-to", "c",
                   "--cluster-slots", "16", "--cluster-yes", "--cluster-timeout", "5000",
                   "--cluster-pipeline", "20"}),
        redis_trib({"reshard", "--from", "a,b", "--to", "c", "--slots", "16", "--yes", "--timeout", "5000",
                    "--pipeline", "20", "127.0.0.1:7000"})}) {
    auto reshard = request_of<ReshardRequest>(tool);
    EXPECT_THAT(reshard.options.from, ElementsAre("a", "b"));
    EXPECT_EQ(reshard.options.to, "c");
    EXPECT_EQ(reshard.options.slots, 16);
    EXPECT_TRUE(reshard.options.change.yes);
    EXPECT_EQ(reshard.options.change.moving.migrate_timeout_ms, 5000);
    EXPECT_EQ(reshard.options.change.moving.keys_a_call, 20);
    EXPECT_FALSE(reshard.all_sources);
  }
}

TEST(ToolReshard, MoverOptions) {
  auto moving =
      request_of<ReshardRequest>(
          own({"reshard", "127.0.0.1:7000", "--to", "c", "--slots", "1", "--max-bytes-per-s", "50mb",
               "--max-latency-ms", "7", "--max-call-ms", "5", "--parallel", "2", "--classic", "--replace"}))
          .options.change.moving;
  EXPECT_EQ(moving.max_bytes_per_s, 50 << 20);
  EXPECT_EQ(moving.max_latency_ms, 7);
  EXPECT_EQ(moving.max_call_ms, 5);
  EXPECT_EQ(moving.parallel, 2);
  EXPECT_EQ(moving.atomic, false);
  EXPECT_TRUE(moving.replace);
  auto atomic =
      request_of<ReshardRequest>(redis_cli({"--cluster", "reshard", "127.0.0.1:7000",
                                            "--cluster-use-atomic-slot-migration", "--cluster-replace"}));
  EXPECT_EQ(atomic.options.change.moving.atomic, true);
  EXPECT_TRUE(atomic.options.change.moving.replace);
}

TEST(ToolReshard, OldSpellingsAskForWhatIsMissingAndOursDoesNot) {
  auto bare = request_of<ReshardRequest>(redis_cli({"--cluster", "reshard", "127.0.0.1:7000"}));
  EXPECT_EQ(bare.options.slots, 0);
  EXPECT_EQ(bare.options.to, "");
  EXPECT_FALSE(bare.all_sources);
  auto all = request_of<ReshardRequest>(redis_trib({"reshard", "--from", "all", "127.0.0.1:7000"}));
  EXPECT_TRUE(all.all_sources);
  EXPECT_THAT(all.options.from, IsEmpty());
  EXPECT_TRUE(request_of<ReshardRequest>(own({"reshard", "127.0.0.1:7000", "--to", "c", "--slots", "1"}))
                  .all_sources);
  EXPECT_THAT(refused_own({"reshard", "127.0.0.1:7000", "--slots", "3"}), HasSubstr("--to NODE"));
  EXPECT_THAT(refused_own({"reshard", "127.0.0.1:7000", "--to", "c"}), HasSubstr("--slots N"));
}

TEST(ToolRebalance, InAllSpellings) {
  for (const ToolInvocation& tool :
       {own({"rebalance", "127.0.0.1:7000", "--weight", "abcd=0", "--weight", "ef01=1.5", "--use-empty",
             "--threshold", "0.5", "--dry-run"}),
        redis_cli({"--cluster", "rebalance", "127.0.0.1:7000", "--cluster-weight", "abcd=0", "ef01=1.5",
                   "--cluster-use-empty-masters", "--cluster-threshold", "0.5", "--cluster-simulate"}),
        redis_cli({"--cluster", "rebalance", "--cluster-weight", "abcd=0", "ef01=1.5", "127.0.0.1:7000",
                   "--cluster-use-empty-primaries", "--cluster-threshold", "0.5", "--cluster-simulate"}),
        redis_trib({"rebalance", "--weight", "abcd=0", "--weight", "ef01=1.5", "--use-empty-masters",
                    "--threshold", "0.5", "--simulate", "127.0.0.1:7000"})}) {
    auto rebalance = request_of<admin::RebalanceOptions>(tool);
    EXPECT_THAT(rebalance.weights, UnorderedElementsAre(Pair("abcd", 0), Pair("ef01", 1.5)));
    EXPECT_TRUE(rebalance.use_empty_primaries);
    EXPECT_EQ(rebalance.threshold_percent, 0.5);
    EXPECT_TRUE(rebalance.change.dry_run);
    EXPECT_EQ(tool.seed.address, kA);
  }
}

TEST(ToolRebalance, BySomethingElse) {
  auto by = [](const char* load) {
    return request_of<admin::RebalanceOptions>(own({"rebalance", "127.0.0.1:7000", "--by", load})).by;
  };
  EXPECT_EQ(by("slots"), admin::LoadKind::kSlots);
  EXPECT_EQ(by("memory"), admin::LoadKind::kMemory);
  EXPECT_EQ(by("ops"), admin::LoadKind::kOps);
  EXPECT_THAT(refused_own({"rebalance", "127.0.0.1:7000", "--by", "luck"}),
              HasSubstr("slots, memory or ops"));
}

TEST(ToolRebalance, OldSpellingsDoNotAsk) {
  EXPECT_TRUE(request_of<admin::RebalanceOptions>(redis_cli({"--cluster", "rebalance", "127.0.0.1:7000"}))
                  .change.yes);
  EXPECT_FALSE(request_of<admin::RebalanceOptions>(own({"rebalance", "127.0.0.1:7000"})).change.yes);
  EXPECT_THAT(redis_trib({"rebalance", "--auto-weights", "127.0.0.1:7000"}).remarks,
              ElementsAre(HasSubstr("--auto-weights")));
}

TEST(ToolAddNode, NewNodeComesFirstInTheOldSpellings) {
  for (const ToolInvocation& tool :
       {own({"add-node", "127.0.0.1:7000", "127.0.0.1:7001", "--replica", "--of", "abcd"}),
        redis_cli({"--cluster", "add-node", "127.0.0.1:7001", "127.0.0.1:7000", "--cluster-slave",
                   "--cluster-master-id", "abcd"}),
        redis_cli({"--cluster", "add-node", "127.0.0.1:7001", "127.0.0.1:7000", "--cluster-replica",
                   "--cluster-primaries-id", "abcd"}),
        redis_trib({"add-node", "--slave", "--master-id", "abcd", "127.0.0.1:7001", "127.0.0.1:7000"})}) {
    auto add = request_of<admin::AddNodeOptions>(tool);
    EXPECT_EQ(tool.seed.address, kA);
    EXPECT_EQ(add.node, kB);
    EXPECT_TRUE(add.replica);
    EXPECT_EQ(add.primary, "abcd");
  }
  auto zone = request_of<admin::AddNodeOptions>(
      own({"add-node", "shop", "127.0.0.1:7001", "--zone", "eu-1", "--wait", "90"}));
  EXPECT_EQ(zone.zone, "eu-1");
  EXPECT_EQ(zone.timeout_ms, 90'000);
  EXPECT_FALSE(zone.replica);
}

TEST(ToolDelNode, InAllSpellings) {
  for (const ToolInvocation& tool : {own({"del-node", "127.0.0.1:7000", "abcd"}),
                                     redis_cli({"--cluster", "del-node", "127.0.0.1:7000", "abcd"}),
                                     redis_cli({"--cluster", "del-node", "127.0.0.1", "7000", "abcd"}),
                                     redis_trib({"del-node", "127.0.0.1:7000", "abcd"})}) {
    EXPECT_EQ(tool.seed.address, kA);
    EXPECT_EQ(request_of<admin::DelNodeOptions>(tool).node, "abcd");
    EXPECT_FALSE(request_of<admin::DelNodeOptions>(tool).drain);
  }
  EXPECT_TRUE(request_of<admin::DelNodeOptions>(own({"del-node", "shop", "abcd", "--drain"})).drain);
}

TEST(ToolCall, InAllSpellings) {
  for (const ToolInvocation& tool :
       {own({"call", "127.0.0.1:7000", "--primaries", "--", "LRANGE", "x", "0", "-1"}),
        own({"call", "127.0.0.1:7000", "LRANGE", "x", "0", "-1", "--primaries"}),
        redis_cli(
            {"--cluster", "call", "127.0.0.1:7000", "LRANGE", "x", "0", "-1", "--cluster-only-masters"}),
        redis_cli(
            {"--cluster", "call", "127.0.0.1:7000", "--cluster-only-primaries", "LRANGE", "x", "0", "-1"})}) {
    auto call = request_of<CallRequest>(tool);
    EXPECT_THAT(call.command, ElementsAre("LRANGE", "x", "0", "-1"));
    EXPECT_EQ(call.which, admin::Which::kPrimaries);
  }
  EXPECT_EQ(request_of<CallRequest>(
                redis_cli({"--cluster", "call", "127.0.0.1:7000", "PING", "--cluster-only-replicas"}))
                .which,
            admin::Which::kReplicas);
  auto trib = request_of<CallRequest>(redis_trib({"call", "127.0.0.1:7000", "config", "get", "*"}));
  EXPECT_THAT(trib.command, ElementsAre("config", "get", "*"));
  EXPECT_EQ(trib.which, admin::Which::kAll);
  EXPECT_THAT(request_of<CallRequest>(own({"call", "shop", "--", "CMD", "--json", "--help"})).command,
              ElementsAre("CMD", "--json", "--help"));
  EXPECT_FALSE(asks_for_json({"cluster", "call", "shop", "--", "CMD", "--json"}));
}

TEST(ToolSetTimeout, InAllSpellings) {
  for (const ToolInvocation& tool : {own({"set-timeout", "127.0.0.1:7000", "15000"}),
                                     redis_cli({"--cluster", "set-timeout", "127.0.0.1:7000", "15000"}),
                                     redis_trib({"set-timeout", "127.0.0.1:7000", "15000"})}) {
    EXPECT_EQ(request_of<SetTimeoutRequest>(tool).timeout_ms, 15'000);
  }
  EXPECT_THAT(refused_own({"set-timeout", "127.0.0.1:7000", "99"}), HasSubstr("100 or more"));
  EXPECT_THAT(refused_own({"set-timeout", "127.0.0.1:7000", "soon"}), HasSubstr("\"soon\""));
}

TEST(ToolImport, InAllSpellings) {
  for (const ToolInvocation& tool :
       {own({"import", "127.0.0.1:7000", "--from", "127.0.0.1:7001", "--copy", "--replace", "--from-user",
             "u", "--from-pass", "p"}),
        redis_cli({"--cluster", "import", "127.0.0.1:7000", "--cluster-from", "127.0.0.1:7001",
                   "--cluster-copy", "--cluster-replace", "--cluster-from-user", "u", "--cluster-from-pass",
                   "p"}),
        redis_trib({"import", "--from", "127.0.0.1:7001", "--copy", "--replace", "--from-user", "u",
                    "--from-pass", "p", "127.0.0.1:7000"})}) {
    auto import = request_of<ImportRequest>(tool);
    EXPECT_EQ(import.source.address, kB);
    EXPECT_EQ(import.login.user, "u");
    EXPECT_EQ(import.login.password, "p");
    EXPECT_TRUE(import.options.copy);
    EXPECT_TRUE(import.options.replace);
  }
  auto import = request_of<ImportRequest>(
      own({"import", "shop", "--from", "cache", "--from-tls", "--cacert", "ca.pem", "--from-db", "3",
           "--max-bytes-per-s", "1mb", "--from-password-file", "f"}));
  EXPECT_EQ(import.source.cluster, "cache");
  EXPECT_TRUE(import.tls);
  EXPECT_EQ(import.options.from_database, 3);
  EXPECT_EQ(import.options.max_bytes_per_s, 1 << 20);
  EXPECT_EQ(import.login.password_file, "f");
  EXPECT_TRUE(request_of<ImportRequest>(redis_cli({"--cluster", "import", "127.0.0.1:7000", "--cluster-from",
                                                   "127.0.0.1:7001", "--cluster-from-askpass"}))
                  .login.ask);
  EXPECT_THAT(refused(Spelling::kRedisCli, {"--cluster", "import", "127.0.0.1:7000"}),
              HasSubstr("--cluster-from"));
}

TEST(ToolBackup, InBothSpellings) {
  for (const ToolInvocation& tool : {own({"backup", "127.0.0.1:7000", "/tmp/b"}),
                                     redis_cli({"--cluster", "backup", "127.0.0.1:7000", "/tmp/b"})}) {
    EXPECT_EQ(request_of<admin::BackupOptions>(tool).folder, "/tmp/b");
    EXPECT_TRUE(request_of<admin::BackupOptions>(tool).from_replicas);
  }
  EXPECT_FALSE(
      request_of<admin::BackupOptions>(own({"backup", "shop", "/tmp/b", "--from-primaries"})).from_replicas);
}

TEST(ToolAccess, GeneralOptionsBeforeAndAfter) {
  ToolInvocation tool = redis_cli({"-a",
                                   "secret",
                                   "--user",
                                   "ada",
                                   "--no-auth-warning",
                                   "-c",
                                   "--tls",
                                   "--cacert",
                                   "ca.pem",
                                   "--cluster",
                                   "check",
                                   "127.0.0.1:7000",
                                   "--cert",
                                   "c",
                                   "--key",
                                   "k",
                                   "--sni",
                                   "name",
                                   "--insecure",
                                   "--tls-ciphers",
                                   "x",
                                   "--tls-ciphersuites",
                                   "y",
                                   "-t",
                                   "0.5"});
  EXPECT_EQ(tool.access.login.password, "secret");
  EXPECT_EQ(tool.access.login.user, "ada");
  EXPECT_FALSE(tool.access.warn_of_password);
  EXPECT_TRUE(tool.access.tls.enabled);
  EXPECT_EQ(tool.access.tls.ca_file, "ca.pem");
  EXPECT_EQ(tool.access.tls.certificate_file, "c");
  EXPECT_EQ(tool.access.tls.key_file, "k");
  EXPECT_EQ(tool.access.tls.server_name, "name");
  EXPECT_EQ(tool.access.tls.ciphers, "x");
  EXPECT_EQ(tool.access.tls.ciphersuites, "y");
  EXPECT_TRUE(tool.access.tls.insecure);
  EXPECT_EQ(tool.access.timeout_ms, 500);
  EXPECT_TRUE(redis_trib({"check", "--password", "x", "127.0.0.1:7000"}).access.warn_of_password);
  EXPECT_TRUE(own({"check", "shop", "--askpass"}).access.login.ask);
  EXPECT_EQ(own({"check", "shop", "--password-file", "f"}).access.login.password_file, "f");
}

TEST(ToolAccess, MapsAddresses) {
  engine::AddressMap reach =
      own({"check", "127.0.0.1:7000", "--map", "10.0.0.5:6379=127.0.0.1:7001"}).access.reach;
  EXPECT_THAT(reach, ElementsAre(Pair(Address{"10.0.0.5", 6379}, kB)));
  EXPECT_THAT(refused_own({"check", "shop", "--map", "10.0.0.5:6379"}), HasSubstr("ANNOUNCED=REACHABLE"));
  EXPECT_THAT(refused_own({"check", "shop", "--map", "a:1=b:0"}), HasSubstr("--map"));
}

TEST(ToolErrors, NameTheOptionAndTheRemedy) {
  EXPECT_THAT(refused_own({"reshard", "shop", "--to", "c", "--slots", "-5"}),
              AllOf(HasSubstr("--slots"), HasSubstr("\"-5\""), HasSubstr("from 1 to 16384")));
  EXPECT_THAT(refused_own({"rebalance", "shop", "--weight", "abcd=abc"}),
              AllOf(HasSubstr("--weight abcd"), HasSubstr("\"abc\"")));
  for (const char* weight : {"abcd=", "abcd", "=1"})
    EXPECT_THAT(refused_own({"rebalance", "shop", "--weight", weight}), HasSubstr("NODE=WEIGHT"));
  for (const char* weight : {"a=-1", "a=nan", "a=inf", "a=1e400", "a=1x", "a=0x10"})
    EXPECT_THAT(refused_own({"rebalance", "shop", "--weight", weight}), HasSubstr("is not a number"));
  EXPECT_THAT(refused_own({"rebalance", "shop", "--weight", "a=1", "--weight", "a=2"}), HasSubstr("twice"));
  EXPECT_THAT(refused_own({"rebalance", "shop", "--threshold", "-2"}), HasSubstr("--threshold"));
  EXPECT_THAT(refused_own({"reshard", "shop", "--to", "c", "--slots"}), HasSubstr("--slots needs a value"));
  EXPECT_THAT(refused_own({"reshard", "shop", "--to", "--slots", "3"}), HasSubstr("--to needs a value"));
  EXPECT_THAT(refused_own({"reshard", "shop", "--to", "c", "--to", "d", "--slots", "1"}),
              HasSubstr("--to is given twice"));
  EXPECT_THAT(refused_own({"reshard", "shop", "--form", "c"}), HasSubstr("did you mean --from?"));
  EXPECT_THAT(refused_own({"reshard", "shop", "--from", "a,,b"}), HasSubstr("between its commas"));
  EXPECT_THAT(refused_own({"check", "shop", "--slots", "3"}), HasSubstr("belongs to reshard"));
  EXPECT_THAT(refused_own({"check", "shop", "extra"}), HasSubstr("\"extra\" is one word too many"));
  EXPECT_THAT(refused_own({"check"}), HasSubstr("check needs ADDR"));
  EXPECT_THAT(refused_own({"chekc", "shop"}), HasSubstr("did you mean check?"));
  EXPECT_THAT(refused_own({"check", "shop", "--json=yes"}), HasSubstr("takes no value"));
  EXPECT_THAT(refused_own({"--json", "check"}), HasSubstr("options come after the command"));
  EXPECT_THAT(refused_own({"rebalance", "shop", "--atomic", "--classic"}), HasSubstr("exclude each other"));
  EXPECT_THAT(refused_own({"rebalance", "shop", "--max-bytes-per-s", "fast"}), HasSubstr("50mb"));
  EXPECT_THAT(refused_own({"call", "shop", "GET", "--jsno"}), HasSubstr("did you mean --json?"));
  EXPECT_THAT(refused_own({"call", "shop", "--primaries", "--replicas", "--", "PING"}),
              HasSubstr("exclude each other"));
  EXPECT_THAT(refused_own({"call", "shop"}), HasSubstr("call needs"));
}

TEST(ToolErrors, BadAddresses) {
  for (const char* address :
       {"127.0.0.1:", ":7000", "127.0.0.1:0", "127.0.0.1:70000", "a b:7000", "7000", ""})
    EXPECT_THAT(refused_own({"check", address}), HasSubstr("neither an address"));
  EXPECT_THAT(refused_own({"create", "127.0.0.1"}), HasSubstr("is not an address"));
  EXPECT_THAT(refused_own({"create", "127.0.0.1:7000", "127.0.0.1:7000"}), HasSubstr("twice"));
  EXPECT_THAT(refused_own({"create"}), HasSubstr("addresses of the nodes"));
  EXPECT_THAT(refused_own({"create", "127.0.0.1:7000", "--zone", "127.0.0.1:7001=a"}), HasSubstr("none of"));
  EXPECT_THAT(refused_own({"add-node", "127.0.0.1:7000"}), HasSubstr("ADDR NEW"));
  EXPECT_THAT(refused_own({"add-node", "127.0.0.1:7000", "127.0.0.1:7000"}), HasSubstr("the same"));
  EXPECT_THAT(refused_own({"add-node", "shop", "127.0.0.1:7000", "--of", "a"}),
              HasSubstr("goes with --replica"));
}

TEST(ToolErrors, OfAccess) {
  EXPECT_THAT(refused_own({"check", "shop", "-a", "x", "--askpass"}), HasSubstr("more than once"));
  EXPECT_THAT(refused_own({"check", "shop", "--cacert", "x"}), HasSubstr("goes with --tls"));
  EXPECT_THAT(refused_own({"check", "shop", "--tls", "--cert", "x"}), HasSubstr("--key go together"));
  EXPECT_THAT(refused_own({"check", "shop", "--timeout", "soon"}), HasSubstr("--timeout"));
  EXPECT_THAT(refused_own({"check", "shop", "--user", ""}), HasSubstr("--user is empty"));
  std::string bad_uri =
      refused(Spelling::kRedisCli, {"-u", "http://ada:secret@h", "--cluster", "check", "127.0.0.1:7000"});
  EXPECT_THAT(bad_uri, HasSubstr("-u"));
  EXPECT_THAT(bad_uri, testing::Not(HasSubstr("secret")));
}

TEST(ToolErrors, OfTheOldSpellings) {
  EXPECT_THAT(refused(Spelling::kRedisCli, {"--cluster"}), HasSubstr("--cluster needs a command"));
  EXPECT_THAT(refused(Spelling::kRedisCli, {"--cluster", "reshrad", "127.0.0.1:7000"}),
              HasSubstr("did you mean reshard?"));
  EXPECT_THAT(refused(Spelling::kRedisCli, {"--cluster", "check", "127.0.0.1:7000", "--cluster-slots", "3"}),
              HasSubstr("belongs to reshard"));
  EXPECT_THAT(refused(Spelling::kRedisCli, {"--cluster", "check", "127.0.0.1:7000", "-n", "3"}),
              HasSubstr("no such option"));
  EXPECT_THAT(refused(Spelling::kRedisTrib, {"rebalance", "--wieght", "a=1", "127.0.0.1:7000"}),
              HasSubstr("did you mean --weight?"));
  EXPECT_THAT(refused(Spelling::kRedisTrib, {"--replicas", "1"}), HasSubstr("after the command"));
}

TEST(ToolHelp, NamesEveryCommandAndOptionInEverySpelling) {
  for (Spelling spelling : {Spelling::kOwn, Spelling::kRedisCli, Spelling::kRedisTrib}) {
    std::string all = tool_help(spelling);
    for (const ToolCommand& command : tool_commands()) {
      EXPECT_THAT(all, HasSubstr(std::string(command.name)));
      std::string text = tool_command_help(command, spelling);
      for (std::string_view name : command.options) {
        for (std::string_view spelled : tool_option_named(name).spelled(spelling))
          EXPECT_THAT(text, HasSubstr(std::string(spelled)));
      }
    }
  }
}

TEST(ToolHelp, IsAskedForInEverySpelling) {
  auto help = [](const Result<Invocation>& invocation) {
    bool is = invocation && std::holds_alternative<HelpCommand>(invocation->command);
    return is ? std::get<HelpCommand>(invocation->command).text : std::string("none");
  };
  EXPECT_THAT(help(parse_arguments({"cluster"})), HasSubstr("Usage: keyway cluster COMMAND"));
  EXPECT_THAT(help(parse_arguments({"cluster", "--help"})), HasSubstr("Usage: keyway cluster COMMAND"));
  EXPECT_THAT(help(parse_arguments({"help", "cluster"})), HasSubstr("Usage: keyway cluster COMMAND"));
  EXPECT_THAT(help(parse_arguments({"help", "cluster", "fix"})), HasSubstr("Usage: keyway cluster fix ADDR"));
  EXPECT_THAT(help(parse_arguments({"cluster", "fix", "--help"})), HasSubstr("--prefer NODE"));
  EXPECT_THAT(help(parse_arguments({"--cluster", "help"})), HasSubstr("--cluster-replicas"));
  EXPECT_THAT(help(parse_tool(Spelling::kRedisTrib, {"help"})), HasSubstr("--use-empty-masters"));
  EXPECT_THAT(help(parse_tool(Spelling::kRedisTrib, {})), HasSubstr("Usage: redis-trib"));
}

TEST(ToolHelp, EveryOptionOfTheIncumbentsIsThere) {
  auto known = [](std::string_view command, Spelling spelling, std::string_view option) {
    return tool_option_spelled(*tool_command_named(command), spelling, option) != nullptr;
  };
  const std::vector<std::pair<std::string_view, Words>> redis_cli_options = {
      {"create", {"--cluster-replicas"}},
      {"check", {"--cluster-search-multiple-owners"}},
      {"fix",
       {"--cluster-search-multiple-owners", "--cluster-fix-with-unreachable-masters",
        "--cluster-fix-with-unreachable-primaries"}},
      {"reshard",
       {"--cluster-from", "--cluster-to", "--cluster-slots", "--cluster-yes", "--cluster-timeout",
        "--cluster-pipeline", "--cluster-replace", "--cluster-use-atomic-slot-migration"}},
      {"rebalance",
       {"--cluster-weight", "--cluster-use-empty-masters", "--cluster-use-empty-primaries",
        "--cluster-timeout", "--cluster-simulate", "--cluster-pipeline", "--cluster-threshold",
        "--cluster-replace", "--cluster-use-atomic-slot-migration"}},
      {"add-node", {"--cluster-slave", "--cluster-replica", "--cluster-master-id", "--cluster-primaries-id"}},
      {"call", {"--cluster-only-masters", "--cluster-only-primaries", "--cluster-only-replicas"}},
      {"import",
       {"--cluster-from", "--cluster-from-user", "--cluster-from-pass", "--cluster-from-askpass",
        "--cluster-copy", "--cluster-replace"}},
  };
  for (const auto& [command, options] : redis_cli_options) {
    for (const std::string& option : options)
      EXPECT_TRUE(known(command, Spelling::kRedisCli, option)) << command << " " << option;
  }
  const std::vector<std::pair<std::string_view, Words>> redis_trib_options = {
      {"create", {"--replicas"}},
      {"fix", {"--timeout"}},
      {"reshard", {"--from", "--to", "--slots", "--yes", "--timeout", "--pipeline"}},
      {"rebalance",
       {"--weight", "--auto-weights", "--use-empty-masters", "--timeout", "--simulate", "--pipeline",
        "--threshold"}},
      {"add-node", {"--slave", "--master-id"}},
      {"import", {"--from", "--copy", "--replace"}},
  };
  for (const auto& [command, options] : redis_trib_options) {
    for (const std::string& option : options)
      EXPECT_TRUE(known(command, Spelling::kRedisTrib, option)) << command << " " << option;
  }
}

TEST(RedisTrib, IsKnownByItsName) {
  for (const char* program : {"redis-trib", "redis-trib.rb", "./redis-trib", "/usr/bin/redis-trib.rb"})
    EXPECT_TRUE(is_redis_trib(program));
  for (const char* program : {"keyway", "/opt/redis-trib/keyway", "my-redis-trib", ""})
    EXPECT_FALSE(is_redis_trib(program));
}

TEST(RedisCliSpelling, IsToldFromTheFlagOfOtherCommands) {
  EXPECT_TRUE(is_redis_cli_spelling({"--cluster", "check"}));
  EXPECT_TRUE(is_redis_cli_spelling({"-a", "x", "--cluster", "check"}));
  EXPECT_FALSE(is_redis_cli_spelling({"status", "--cluster", "shop"}));
  EXPECT_FALSE(is_redis_cli_spelling({"--help"}));
}

}  // namespace
}  // namespace keyway::cli
