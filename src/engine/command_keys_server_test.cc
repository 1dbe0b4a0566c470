// Asks real servers of every engine at hand whether the keys of commands are where resp/command_keys says:
// by COMMAND GETKEYS, and by the slot to which a cluster's node redirects that owns none of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "engine/test_cluster.h"
#include "resp/command_keys.h"
#include "resp/command_lines_testing.h"
#include "resp/command_table.h"
#include "resp/slot.h"

namespace keyway::engine {
namespace {

using resp::Command;
using resp::CommandLine;
using resp::CommandSpec;
using resp::CommandTable;
using resp::Reply;

std::vector<size_t> listed(const resp::KeyPositions& positions) {
  std::vector<size_t> all;
  positions.for_each([&](size_t position) { all.push_back(position); });
  return all;
}

// Flags that mean the same with every engine.
constexpr uint32_t kTold = resp::command_flag::kWrite | resp::command_flag::kReadOnly |
                           resp::command_flag::kPubSub | resp::command_flag::kAdmin |
                           resp::command_flag::kNoMandatoryKeys | resp::command_flag::kContainer |
                           resp::command_flag::kSubcommand | resp::command_flag::kSlotOnly;

// The names of all that the server knows, "config|get" too.
std::set<std::string> names_of(const Reply& commands) {
  std::set<std::string> names;
  for (const Reply& command : commands.elements) {
    names.insert(to_lower(command.elements.at(0).text));
    for (const Reply& subcommand : command.elements.at(9).elements)
      names.insert(to_lower(subcommand.elements.at(0).text));
  }
  return names;
}

// The same commands under names that nobody knows: "my-config|get".
Reply renamed(Reply commands) {
  for (Reply& command : commands.elements) {
    command.elements[0].text = "my-" + command.elements[0].text;
    for (Reply& subcommand : command.elements[9].elements)
      subcommand.elements[0].text = "my-" + subcommand.elements[0].text;
  }
  return commands;
}

// Whether the built-in table was made of what this engine says.
bool is_built_in(const TestEngine& engine) {
  constexpr std::string_view kEngines[] = {"redis-7.0.15", "redis-8.0.6", "valkey-9.1.2"};
  return std::find(std::begin(kEngines), std::end(kEngines), engine.name) != std::end(kEngines);
}

bool may_have_none(const CommandLine& line) {
  const CommandSpec* spec = CommandTable::builtin().resolve(line.views());
  return spec->has(resp::command_flag::kNoMandatoryKeys) && spec->takes(line.arguments.size());
}

class CommandKeysServer : public testing::TestWithParam<TestEngine> {
 protected:
  static void SetUpTestSuite() { clusters_ = new ClusterOfEachEngine(2, 0); }
  static void TearDownTestSuite() { delete std::exchange(clusters_, nullptr); }

  void SetUp() override {
    TestCluster* cluster = clusters_->of(GetParam(), client_.fleet);
    ASSERT_NE(cluster, nullptr);
    address_ = cluster->address(0);
    commands_ = ask({{"COMMAND"}}).at(0);
    known_ = names_of(commands_);
    for (CommandLine& line : resp::read_command_lines()) {
      const CommandSpec* spec = CommandTable::builtin().resolve(line.views());
      if (known_.contains(std::string(spec->name))) lines_.push_back(std::move(line));
    }
    ASSERT_GE(lines_.size(), 300U);
  }

  std::vector<Reply> ask(const std::vector<Command>& commands) {
    Response response = client_.fleet.exchange({{address_, commands}}, 20'000)[0];
    EXPECT_TRUE(response.ok()) << response.error->message;
    response.replies.resize(commands.size());
    return response.replies;
  }

  static inline ClusterOfEachEngine* clusters_ = nullptr;
  TestFleet client_;
  Address address_;
  Reply commands_;
  std::set<std::string> known_;
  std::vector<CommandLine> lines_;  // those whose command the server knows
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CommandKeysServer);
INSTANTIATE_TEST_SUITE_P(Engines, CommandKeysServer, testing::ValuesIn(test_engines()), test_name);

TEST_P(CommandKeysServer, AreWhatCommandGetkeysSays) {
  std::vector<Command> questions;
  for (const CommandLine& line : lines_) {
    Command& question = questions.emplace_back(Command{"COMMAND", "GETKEYS"});
    question.insert(question.end(), line.arguments.begin(), line.arguments.end());
  }
  std::vector<Reply> answers = ask(questions);
  for (size_t i = 0; i < lines_.size(); ++i) {
    const CommandLine& line = lines_[i];
    std::vector<std::string> expected;
    if (!line.slot_only) {
      for (size_t key : line.keys) expected.push_back(line.arguments[key]);
    }
    std::vector<std::string> said;
    for (const Reply& key : answers[i].elements) said.push_back(key.text);
    if (!line.getkeys_agrees) continue;
    EXPECT_EQ(said, expected) << line.text << ": the server says " << answers[i].text;
    // Scripts may have no keys; where others have none, it is an error to ask.
    EXPECT_EQ(answers[i].is_error(), expected.empty() && !may_have_none(line)) << line.text;
  }
}

// With every key in one slot the node must name that slot; with any one of them in another, it must see that
// the command spans slots, or that one's slot if there is no other key.
TEST_P(CommandKeysServer, AreWhatAClusterGoesBy) {
  const std::string here = "{a}:";
  const std::string elsewhere = "{d}:";
  ASSERT_GT(resp::key_slot(here), 8192);  // not the asked node's own
  ASSERT_GT(resp::key_slot(elsewhere), 8192);
  auto moved = [](const std::string& key) { return fmt::format("MOVED {} ", resp::key_slot(key)); };
  std::vector<Command> questions;
  std::vector<std::string> expected;
  for (const CommandLine& line : lines_) {
    if (line.keys.empty() || !line.is_redirected) continue;
    Command together = line.arguments;
    for (size_t key : line.keys) together[key] = here + together[key];
    questions.push_back(together);
    expected.push_back(moved(here));
    for (size_t key : line.keys) {
      Command& apart = questions.emplace_back(together);
      apart[key] = elsewhere;
      expected.push_back(line.keys.size() == 1 ? moved(elsewhere) : "CROSSSLOT");
    }
  }
  std::vector<Reply> answers = ask(questions);
  for (size_t i = 0; i < questions.size(); ++i) {
    EXPECT_THAT(answers[i].text, testing::StartsWith(expected[i])) << resp::describe(questions[i]);
  }
}

// An engine newer than the table may know more.
TEST_P(CommandKeysServer, LinesCoverEveryCommandWithKeys) {
  std::set<std::string> covered;
  for (const CommandLine& line : lines_) {
    if (!line.keys.empty()) covered.insert(std::string(CommandTable::builtin().resolve(line.views())->name));
  }
  for (const std::string& name : known_) {
    std::vector<std::string_view> words = split(name, '|');
    const CommandSpec* spec = CommandTable::builtin().resolve(words);
    EXPECT_TRUE(spec != nullptr || !is_built_in(GetParam())) << name;
    if (spec == nullptr) continue;
    EXPECT_EQ(spec->key_rule != resp::KeyRule::kNone, covered.contains(name)) << name;
  }
}

TEST_P(CommandKeysServer, NothingIsLeftToLearn) {
  auto table = CommandTable::learn(commands_);
  ASSERT_TRUE(table) << table.error().message;
  if (is_built_in(GetParam())) {
    EXPECT_EQ(table->size(), CommandTable::builtin().size());
  }
  resp::KeyPositions positions;
  for (const CommandLine& line : lines_) {
    std::vector<std::string_view> arguments = line.views();
    const CommandSpec* spec = table->resolve(arguments);
    ASSERT_NE(spec, nullptr) << line.text;
    EXPECT_EQ(spec->id, CommandTable::builtin().resolve(arguments)->id) << line.text;
    EXPECT_EQ(key_positions(*spec, arguments, positions), line.makes_sense) << line.text;
    if (line.makes_sense) {
      EXPECT_EQ(listed(positions), line.keys) << line.text;
    }
  }
}

// What is learnt from a server's words alone is as good as what is built in, but where they do not suffice.
TEST_P(CommandKeysServer, AreLearntFromWhatCommandSays) {
  auto table = CommandTable::learn(renamed(commands_));
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->size(), CommandTable::builtin().size() + known_.size());
  std::set<std::string> told_by_server;
  resp::KeyPositions positions;
  for (const CommandLine& line : lines_) {
    std::vector<std::string> names = line.arguments;
    names[0] = "MY-" + names[0];
    std::vector<std::string_view> arguments(names.begin(), names.end());
    const CommandSpec* spec = table->resolve(arguments);
    ASSERT_NE(spec, nullptr) << line.text;
    const CommandSpec* builtin = CommandTable::builtin().resolve(line.views());
    EXPECT_EQ(spec->flags & kTold, builtin->flags & kTold) << line.text;
    bool sense = key_positions(*spec, arguments, positions);
    if (spec->key_rule == resp::KeyRule::kAskServer) {
      told_by_server.insert(std::string(builtin->name));
      EXPECT_FALSE(sense);
    } else if (line.getkeys_agrees) {
      EXPECT_EQ(sense, line.makes_sense) << line.text;
      if (sense) {
        EXPECT_EQ(listed(positions), line.keys) << line.text;
      }
    }
  }
  EXPECT_THAT(told_by_server, testing::ElementsAre("migrate", "sort", "sort_ro"));
}

}  // namespace
}  // namespace keyway::engine
