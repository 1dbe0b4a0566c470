// What a CommandTable learns from a server's reply to COMMAND.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "resp/command_keys.h"
#include "resp/command_table.h"
#include "resp/reply.h"

namespace keyway::resp {
namespace {

using namespace command_flag;

Reply read(std::string_view wire) {
  ReplyParser parser;
  parser.feed(wire);
  Result<std::optional<Reply>> reply = parser.next();
  EXPECT_TRUE(reply && *reply) << wire;
  return reply && *reply ? std::move(**reply) : Reply{};
}

Reply number(int64_t value) {
  Reply reply;
  reply.type = ReplyType::kInteger;
  reply.integer = value;
  return reply;
}

Reply text(std::string value) {
  Reply reply;
  reply.type = ReplyType::kString;
  reply.text = std::move(value);
  return reply;
}

Reply list(std::vector<Reply> elements) {
  Reply reply;
  reply.type = ReplyType::kArray;
  reply.elements = std::move(elements);
  return reply;
}

Reply texts(const std::vector<std::string>& values) {
  Reply reply = list({});
  for (const std::string& value : values) reply.elements.push_back(text(value));
  return reply;
}

// As RESP2 writes it.
Reply key_spec(Reply begin_search, Reply find_keys, const std::vector<std::string>& flags = {"RW"}) {
  return list({text("flags"), texts(flags), text("begin_search"), std::move(begin_search), text("find_keys"),
               std::move(find_keys)});
}

Reply search(const std::string& type, std::vector<Reply> spec) {
  return list({text("type"), text(type), text("spec"), list(std::move(spec))});
}

Reply at_index(int64_t index) { return search("index", {text("index"), number(index)}); }

Reply range(int64_t last, int64_t step, int64_t limit) {
  return search("range",
                {text("lastkey"), number(last), text("keystep"), number(step), text("limit"), number(limit)});
}

Reply counted(int64_t at, int64_t first, int64_t step) {
  return search("keynum", {text("keynumidx"), number(at), text("firstkey"), number(first), text("keystep"),
                           number(step)});
}

// An entry whose keys move.
Reply moving(const std::string& name, std::vector<Reply> key_specs) {
  return list({text(name), number(-2), texts({"write", "movablekeys"}), number(0), number(0), number(0),
               list({}), list({}), list(std::move(key_specs)), list({})});
}

// An entry of the six fields that servers before 7.0 send.
Reply plain(const std::string& name, int64_t arity, int64_t first, int64_t last, int64_t step,
            const std::vector<std::string>& flags = {"readonly"}) {
  return list({text(name), number(arity), texts(flags), number(first), number(last), number(step)});
}

KeyRule learnt_rule(Reply entry) {
  std::string name = entry.elements[0].text;
  auto table = CommandTable::learn(list({std::move(entry)}));
  EXPECT_TRUE(table);
  const CommandSpec* spec = table ? table->find(name) : nullptr;
  EXPECT_NE(spec, nullptr);
  return spec == nullptr ? KeyRule::kNone : spec->key_rule;
}

TEST(CommandLearn, FindsWhatAModuleBrings) {
  auto table = CommandTable::learn(
      list({plain("JSON.Get", -2, 1, 1, 1), plain("json.mset", -4, 1, -1, 3, {"write"})}));
  ASSERT_TRUE(table) << table.error().message;
  const CommandSpec* get = table->find("json.GET");
  ASSERT_NE(get, nullptr);
  EXPECT_EQ(get->name, "json.get");
  EXPECT_EQ(get->flags, kReadOnly);
  EXPECT_EQ(get->group, CommandGroup::kLearnt);
  EXPECT_EQ(get->id, CommandTable::builtin().size());
  const CommandSpec* set = table->find("JSON.MSET");
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(set->id, CommandTable::builtin().size() + 1);
  EXPECT_EQ(key_range(*set, 7), (KeyRange{1, 2, 3}));
  EXPECT_EQ(table->size(), CommandTable::builtin().size() + 2);
  EXPECT_EQ(table->find("get"), find_command("get"));
  EXPECT_EQ(find_command("json.get"), nullptr);
}

TEST(CommandLearn, OutlivesTheReplyAndMoves) {
  auto learn = [] {
    return CommandTable::learn(list({plain("a.name.that.is.not.a.short.one", 2, 1, 1, 1)}));
  };
  auto learnt = learn();
  ASSERT_TRUE(learnt);
  CommandTable table = std::move(*learnt);
  const CommandSpec* spec = table.find("A.name.THAT.is.not.a.short.one");
  ASSERT_NE(spec, nullptr);
  EXPECT_EQ(spec->name, "a.name.that.is.not.a.short.one");
  EXPECT_EQ(table.find("a.name.that.iz.not.a.short.one"), nullptr);
}

TEST(CommandLearn, ReadsResp3) {
  auto table = CommandTable::learn(read(
      "*1\r\n*10\r\n$5\r\nmy.do\r\n:-3\r\n~2\r\n+write\r\n+movablekeys\r\n:0\r\n:0\r\n:0\r\n~1\r\n+@slow\r\n"
      "~2\r\n$25\r\nrequest_policy:all_shards\r\n$23\r\nresponse_policy:agg_sum\r\n~1\r\n%3\r\n"
      "$5\r\nflags\r\n~1\r\n+RW\r\n$12\r\nbegin_search\r\n%2\r\n$4\r\ntype\r\n$7\r\nkeyword\r\n$4\r\nspec\r\n"
      "%2\r\n$7\r\nkeyword\r\n$4\r\nKEYS\r\n$9\r\nstartfrom\r\n:1\r\n$9\r\nfind_keys\r\n%2\r\n$4\r\ntype\r\n"
      "$5\r\nrange\r\n$4\r\nspec\r\n%3\r\n$7\r\nlastkey\r\n:-1\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:"
      "0\r\n*0\r\n"));
  ASSERT_TRUE(table) << table.error().message;
  const CommandSpec* spec = table->find("my.do");
  ASSERT_NE(spec, nullptr);
  EXPECT_EQ(spec->flags, kWrite);
  EXPECT_EQ(spec->request_policy, RequestPolicy::kAllShards);
  EXPECT_EQ(spec->response_policy, ResponsePolicy::kAggSum);
  KeyPositions positions;
  std::vector<std::string_view> arguments = {"my.do", "x", "keys", "a", "b"};
  ASSERT_TRUE(key_positions(*spec, arguments, positions));
  EXPECT_THAT(positions.ranges(), testing::ElementsAre(KeyRange{3, 2, 1}));
}

TEST(CommandLearn, LearnsSubcommandsOfOldAndNewContainers) {
  Reply fresh = moving("my.box", {});
  fresh.elements[9] = list({plain("my.box|open", -2, 2, 2, 1)});
  Reply client = moving("client", {});
  client.elements[9] = list({plain("client|levitate", 2, 0, 0, 0), plain("client|id", 2, 0, 0, 0)});
  auto table = CommandTable::learn(list({fresh, client}));
  ASSERT_TRUE(table) << table.error().message;
  std::vector<std::string_view> arguments = {"MY.BOX", "OPEN", "a"};
  const CommandSpec* open = table->resolve(arguments);
  ASSERT_NE(open, nullptr);
  EXPECT_EQ(open->name, "my.box|open");
  EXPECT_TRUE(open->has(kSubcommand));
  EXPECT_EQ(table->find("my.box|open"), nullptr);
  EXPECT_EQ(table->find("client"), find_command("client"));
  EXPECT_NE(table->find_subcommand(*table->find("client"), "levitate"), nullptr);
  EXPECT_NE(table->find_subcommand(*table->find("client"), "list"), nullptr);
  EXPECT_EQ(table->size(), CommandTable::builtin().size() + 3);
}

TEST(CommandLearn, BelievesTheServerAboutArityAndPositions) {
  auto table = CommandTable::learn(
      list({plain("zrank", 3, 1, 1, 1), plain("get", -2, 1, -1, 1), plain("xgroup", -2, 2, 2, 1),
            plain("eval", -3, 0, 0, 0, {"movablekeys"}), plain("strlen", 2, 1, 1, 1)}));
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->find("zrank")->arity, 3);
  EXPECT_EQ(table->find("zrank")->id, find_command("zrank")->id);
  EXPECT_EQ(key_range(*table->find("get"), 4), (KeyRange{1, 3, 1}));
  EXPECT_EQ(table->find("get")->flags, find_command("get")->flags);
  // But not where it says less than is known.
  for (std::string_view name : {"xgroup", "eval", "strlen", "set"})
    EXPECT_EQ(table->find(name), find_command(name));
  EXPECT_EQ(table->size(), CommandTable::builtin().size());
}

TEST(CommandLearn, LeavesToTheServerWhatItCannotFollow) {
  EXPECT_EQ(learnt_rule(moving("my", {key_spec(at_index(1), counted(0, 1, 1))})), KeyRule::kSpecs);
  EXPECT_EQ(learnt_rule(plain("my", -2, 0, 0, 0, {"movablekeys"})), KeyRule::kAskServer);
  EXPECT_EQ(learnt_rule(plain("my", -2, 1, 1, 0)), KeyRule::kAskServer);
  EXPECT_EQ(learnt_rule(plain("my", -2, 100'000, 1, 1)), KeyRule::kAskServer);
  EXPECT_EQ(learnt_rule(plain("my", -2, -1, 1, 1)), KeyRule::kAskServer);
  EXPECT_EQ(learnt_rule(moving("my", {})), KeyRule::kAskServer);
  EXPECT_EQ(learnt_rule(moving("my", {text("nonsense")})), KeyRule::kAskServer);
  EXPECT_EQ(learnt_rule(moving("my", {key_spec(search("unknown", {}), search("unknown", {}))})),
            KeyRule::kAskServer);
  EXPECT_EQ(learnt_rule(moving("my", {key_spec(at_index(0), range(0, 1, 0))})), KeyRule::kAskServer);
  EXPECT_EQ(learnt_rule(moving("my", {key_spec(at_index(1), range(0, 0, 0))})), KeyRule::kAskServer);
  EXPECT_EQ(learnt_rule(moving("my", {key_spec(at_index(1), range(0, 1, -1))})), KeyRule::kAskServer);
  EXPECT_EQ(learnt_rule(moving("my", {key_spec(at_index(1), counted(-1, 1, 1))})), KeyRule::kAskServer);
  EXPECT_EQ(learnt_rule(moving("my", {key_spec(at_index(1), range(0, 1, 0), {"incomplete"})})),
            KeyRule::kAskServer);
  EXPECT_EQ(learnt_rule(
                moving("my", {key_spec(search("keyword", {text("startfrom"), number(1)}), range(0, 1, 0))})),
            KeyRule::kAskServer);
  std::vector<Reply> many(CommandSpec::kMaxKeySpecs + 1, key_spec(at_index(1), range(0, 1, 0)));
  EXPECT_EQ(learnt_rule(moving("my", many)), KeyRule::kAskServer);
}

TEST(CommandLearn, RefusesWhatIsNoListOfCommands) {
  auto refused = [](Reply reply) {
    auto table = CommandTable::learn(reply);
    return table ? "" : std::string(to_string(table.error().code));
  };
  EXPECT_EQ(refused(read("-NOPERM no\r\n")), "corrupt");
  EXPECT_EQ(refused(read("*1\r\n+get\r\n")), "corrupt");
  EXPECT_EQ(refused(list({list({text("get"), number(2)})})), "corrupt");
  EXPECT_EQ(refused(list({plain("", 2, 1, 1, 1)})), "corrupt");
  EXPECT_EQ(refused(list({plain("my", 100'000, 1, 1, 1)})), "corrupt");
  EXPECT_EQ(refused(list(std::vector<Reply>(CommandTable::kMaxCommands + 1, plain("my", 2, 1, 1, 1)))),
            "exhausted");
  EXPECT_EQ(refused(list({})), "");
}

TEST(CommandLearn, IsBoundedInWhatItKeeps) {
  Reply commands = list({plain(std::string(CommandTable::kMaxNameBytes, 'n'), 2, 1, 1, 1),
                         plain(std::string(CommandTable::kMaxNameBytes + 1, 'n'), 2, 1, 1, 1)});
  for (size_t i = 2; i < CommandTable::kMaxCommands; ++i)
    commands.elements.push_back(plain(fmt::format("my.{}", i), 2, 1, 1, 1));
  auto table = CommandTable::learn(commands);
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_NE(table->find(std::string(CommandTable::kMaxNameBytes, 'N')), nullptr);
  EXPECT_EQ(table->find(std::string(CommandTable::kMaxNameBytes + 1, 'n')), nullptr);
  for (size_t i = 2; i < CommandTable::kMaxCommands; ++i)
    ASSERT_NE(table->find(fmt::format("MY.{}", i)), nullptr);
  EXPECT_EQ(table->size(), CommandTable::builtin().size() + CommandTable::kMaxCommands - 1);
}

}  // namespace
}  // namespace keyway::resp
