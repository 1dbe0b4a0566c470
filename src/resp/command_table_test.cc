#include "resp/command_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <map>

#include "base/strings.h"
#include "resp/command_lines_testing.h"

namespace keyway::resp {
namespace {

using namespace command_flag;

const CommandTable& table() { return CommandTable::builtin(); }

const CommandSpec* resolve(std::string_view line) { return table().resolve(split_blanks(line)); }

std::string upper(std::string_view text) {
  std::string large(text);
  for (char& c : large) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return large;
}

TEST(CommandTable, SaysWhatServersSay) {
  const CommandSpec* get = find_command("get");
  ASSERT_NE(get, nullptr);
  EXPECT_EQ(get->arity, 2);
  EXPECT_EQ(get->flags, kReadOnly | kFast);
  EXPECT_EQ(get->key_rule, KeyRule::kRange);
  EXPECT_EQ(to_string(get->group), "string");

  const CommandSpec* dbsize = find_command("dbsize");
  ASSERT_NE(dbsize, nullptr);
  EXPECT_EQ(dbsize->request_policy, RequestPolicy::kAllShards);
  EXPECT_EQ(dbsize->response_policy, ResponsePolicy::kAggSum);
  EXPECT_EQ(dbsize->key_rule, KeyRule::kNone);

  EXPECT_TRUE(find_command("spublish")->has(kSlotOnly));
  EXPECT_TRUE(find_command("eval")->has(kNoMandatoryKeys));
  EXPECT_EQ(find_command("blpop")->flags, kBlocking | kWrite);
  EXPECT_EQ(to_string(find_command("zadd")->group), "sorted-set");
  EXPECT_EQ(to_string(find_command("multi")->group), "transactions");
}

TEST(CommandTable, FindsCommandsInAnyCaseEachUnderAnIdOfItsOwn) {
  std::map<uint16_t, std::string_view> names;
  for (const CommandLine& line : read_command_lines()) {
    const std::string& name = line.arguments[0];
    const CommandSpec* spec = find_command(name);
    ASSERT_NE(spec, nullptr) << name;
    EXPECT_EQ(spec->name, to_lower(name));
    EXPECT_EQ(find_command(to_lower(name)), spec);
    EXPECT_EQ(find_command(upper(name)), spec);
    EXPECT_LT(spec->id, table().size());
    EXPECT_EQ(names.emplace(spec->id, spec->name).first->second, spec->name);
  }
  EXPECT_EQ(find_command("GeoRadiusByMember_RO"), find_command("georadiusbymember_ro"));
}

TEST(CommandTable, WhatItDoesNotKnowItDoesNotFind) {
  for (std::string_view name : {"", "ge", "gett", "get ", "g\xc5t", "georadiusbymembar_ro",
                                "GEORADIUSBYMEMBER-RO", "config|get", "\x07\x05\x14"}) {
    EXPECT_EQ(find_command(name), nullptr) << name;
  }
  EXPECT_EQ(find_command(std::string_view("get\0", 4)), nullptr);
  EXPECT_EQ(find_command(std::string(1000, 'g')), nullptr);
}

TEST(CommandTable, FindsSubcommandsBelowTheirContainerOnly) {
  const CommandSpec* xgroup = find_command("xgroup");
  ASSERT_NE(xgroup, nullptr);
  const CommandSpec* create = table().find_subcommand(*xgroup, "CREATE");
  ASSERT_NE(create, nullptr);
  EXPECT_EQ(create->name, "xgroup|create");
  EXPECT_TRUE(create->has(kSubcommand));
  EXPECT_EQ(table().find_subcommand(*xgroup, "nonsense"), nullptr);
  EXPECT_EQ(table().find_subcommand(*xgroup, ""), nullptr);
  EXPECT_EQ(table().find_subcommand(*xgroup, std::string(100, 'x')), nullptr);
  EXPECT_EQ(table().find_subcommand(*find_command("get"), "create"), nullptr);
}

TEST(CommandTable, ResolvesWholeCommands) {
  EXPECT_EQ(resolve("get key"), find_command("get"));
  EXPECT_EQ(resolve("command"), find_command("command"));
  EXPECT_EQ(resolve("Config Set maxmemory 1")->name, "config|set");
  EXPECT_EQ(resolve("cluster COUNT-failure-reports id")->name, "cluster|count-failure-reports");
  EXPECT_EQ(resolve("config nonsense"), nullptr);
  EXPECT_EQ(resolve("nonsense"), nullptr);
  EXPECT_EQ(table().resolve({}), nullptr);
}

TEST(CommandTable, TellsHowManyArgumentsACommandTakes) {
  EXPECT_TRUE(find_command("get")->takes(2));
  EXPECT_FALSE(find_command("get")->takes(1));
  EXPECT_FALSE(find_command("get")->takes(3));
  EXPECT_TRUE(find_command("mget")->takes(2));
  EXPECT_TRUE(find_command("mget")->takes(200'000));
  EXPECT_FALSE(find_command("mget")->takes(1));
  // Where servers differ, what any of them takes: WITHSCORE is newer than Redis 7.0.
  EXPECT_TRUE(find_command("zrank")->takes(3));
  EXPECT_TRUE(find_command("zrank")->takes(4));
}

}  // namespace
}  // namespace keyway::resp
