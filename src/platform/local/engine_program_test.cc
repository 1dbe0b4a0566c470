#include "platform/local/engine_program.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "platform/local/config_check.h"
#include "platform/local/test_home.h"

namespace keyway::platform::local {
namespace {

using cluster::EngineKind;
using cluster::EngineSpec;
using testing::AllOf;
using testing::HasSubstr;

std::string write_script(const std::string& path, const std::string& body) {
  EXPECT_TRUE(replace_file(path, "#!/bin/sh\n" + body + "\n", Durability::kVolatile));
  EXPECT_EQ(::chmod(path.c_str(), 0700), 0);
  return path;
}

EngineSpec at(EngineKind kind, const std::string& path) {
  EngineSpec spec;
  spec.kind = kind;
  spec.path = path;
  return spec;
}

TEST(ParseEngineVersion, ReadsWhatServersPrint) {
  EngineProgram redis =
      parse_engine_version("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc\n").value();
  EXPECT_EQ(redis.kind, EngineKind::kRedis);
  EXPECT_EQ(redis.version, "7.0.15");
  EXPECT_EQ(redis.major, 7);
  EXPECT_FALSE(redis.has_shard_ids());
  EXPECT_TRUE(parse_engine_version("Redis server v=7.2.0 x").value().has_shard_ids());
  EngineProgram valkey = parse_engine_version("Valkey server v=9.1.2 sha=00000000:0").value();
  EXPECT_EQ(valkey.kind, EngineKind::kValkey);
  EXPECT_TRUE(valkey.has_shard_ids());
  for (const char* text :
       {"", "nginx version: nginx/1.22", "Redis server v=x.y", "Redis server v=", "v=7.0.1"}) {
    EXPECT_EQ(parse_engine_version(text).error().code, ErrorCode::kInvalidArgument) << text;
  }
}

TEST(FindEngine, FindsEveryEngineByProgramAndByFolder) {
  ASSERT_FALSE(engine::test_engines().empty());
  for (const engine::TestEngine& engine : engine::test_engines()) {
    EngineSpec spec = engine_spec(engine);
    Result<EngineProgram> found = find_engine(spec);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_THAT(engine.name, HasSubstr(found->version.substr(0, 3)));
    EXPECT_EQ(found->has_shard_ids(), engine.has_shard_ids()) << engine.name;
    EXPECT_TRUE(file_exists(found->client)) << engine.name;
    spec.path = spec.path.substr(0, spec.path.rfind('/'));
    EXPECT_EQ(find_engine(spec).value().server, engine.program);
  }
}

TEST(FindEngine, NamesThePackageToInstall) {
  TestHome home;
  TestVariable path("PATH", home.path.c_str());
  Result<EngineProgram> redis = find_engine(at(EngineKind::kRedis, ""));
  ASSERT_FALSE(redis);
  EXPECT_EQ(redis.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(redis.error().message, AllOf(HasSubstr("apt install redis-server"), HasSubstr("--engine")));
  EXPECT_THAT(find_engine(at(EngineKind::kValkey, "")).error().message, HasSubstr("bookworm-backports"));
  write_script(home.path + "/redis-server", "echo Redis server v=7.4.1 x");
  EXPECT_EQ(find_engine(at(EngineKind::kRedis, "")).value().version, "7.4.1");
}

TEST(FindEngine, RefusesWhatIsTooOldOrNoServer) {
  TestHome home;
  std::string old = write_script(home.path + "/old", "echo 'Redis server v=6.2.0 sha=0'");
  Result<EngineProgram> too_old = find_engine(at(EngineKind::kRedis, old));
  ASSERT_FALSE(too_old);
  EXPECT_EQ(too_old.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(too_old.error().message, AllOf(HasSubstr("6.2.0"), HasSubstr("7.0 or later"), HasSubstr(old)));
  std::string old_valkey = write_script(home.path + "/old-valkey", "echo 'Valkey server v=7.2.9 sha=0'");
  EXPECT_EQ(find_engine(at(EngineKind::kValkey, old_valkey)).error().code, ErrorCode::kUnsupported);

  Result<EngineProgram> other = find_engine(at(EngineKind::kValkey, old));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(other.error().message, HasSubstr("asks for valkey"));

  std::string stranger = write_script(home.path + "/stranger", "echo I am nothing of the kind");
  Result<EngineProgram> no_server = find_engine(at(EngineKind::kRedis, stranger));
  ASSERT_FALSE(no_server);
  EXPECT_EQ(no_server.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(no_server.error().message, AllOf(HasSubstr(stranger), HasSubstr("I am nothing of the kind")));
}

TEST(FindEngine, RefusesPathsThatLeadNowhere) {
  TestHome home;
  Result<EngineProgram> none = find_engine(at(EngineKind::kRedis, home.path + "/none"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(none.error().message, AllOf(HasSubstr("spec.engine.path"), HasSubstr(home.path + "/none")));
  EXPECT_EQ(find_engine(at(EngineKind::kRedis, home.path)).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(replace_file(home.path + "/text", "x", Durability::kVolatile));
  EXPECT_EQ(find_engine(at(EngineKind::kRedis, home.path + "/text")).error().code,
            ErrorCode::kInvalidArgument);
}

class CheckConfig : public testing::TestWithParam<engine::TestEngine> {
 protected:
  Status check(const cluster::ServerConfig& config, const std::string& rules) {
    cluster::Spec spec = cluster::default_spec("blue", cluster::Mode::kSharded, 2, 0);
    spec.engine = engine_spec(GetParam());
    spec.config = config;
    spec.users = {{"app", rules, true}, {"zoe", "+@read ~*", true}};
    spec.partitions[1].memory_bytes = 64 << 20;
    Status status = check_config(find_engine(spec.engine).value(), spec, Users::for_spec(spec, Users{}),
                                 home_.path + "/c");
    EXPECT_FALSE(file_exists(home_.path + "/c"));
    return status;
  }

  TestHome home_;
};

TEST_P(CheckConfig, AcceptsWhatTheServerAccepts) {
  for (const char* appendonly : {"no", "yes"}) {
    Status status = check({{"save", "3600 1 300 100"},
                           {"appendonly", appendonly},
                           {"client-output-buffer-limit", "normal 0 0 0 replica 256mb 64mb 60"},
                           {"maxmemory-policy", "allkeys-lru"}},
                          "+@read ~app:* (+set ~tmp:*)");
    EXPECT_TRUE(status) << status.error().message;
  }
}

TEST_P(CheckConfig, NamesTheDirective) {
  Status value = check({{"hz", "50"}, {"maxmemory-policy", "best"}}, "+@all ~*");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(value.error().message,
              AllOf(HasSubstr("spec.config.maxmemory-policy"), HasSubstr("allkeys-lru")));
  Status name = check({{"maxmemry", "1gb"}}, "+@all ~*");
  ASSERT_FALSE(name);
  EXPECT_THAT(name.error().message, AllOf(HasSubstr("spec.config.maxmemry"), HasSubstr("Bad directive")));
  Status module = check({{"loadmodule", "/nowhere/module.so"}}, "+@all ~*");
  ASSERT_FALSE(module);
  EXPECT_THAT(module.error().message, HasSubstr("/nowhere/module.so"));
}

TEST_P(CheckConfig, NamesTheUser) {
  Status status = check({}, "+@all -@nosuch ~*");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.error().message, AllOf(HasSubstr("user app"), HasSubstr("-@nosuch")));
  EXPECT_THAT(status.error().message, testing::Not(HasSubstr(home_.path)));
}

INSTANTIATE_TEST_SUITE_P(Engines, CheckConfig, testing::ValuesIn(engine::test_engines()), engine_test_name);

}  // namespace
}  // namespace keyway::platform::local
