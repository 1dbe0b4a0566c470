#include "cli/cluster/reshard_questions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

namespace keyway::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kIdA(40, 'a');
const std::string kIdB(40, 'b');

class ReshardQuestions : public testing::Test {
 protected:
  Status ask(std::deque<std::string> answers) {
    cluster::Observed observed;
    for (const std::string& id : {kIdA, kIdB}) {
      cluster::NodeFacts node;
      node.id = id;
      observed.nodes.push_back(node);
    }
    return ask_for_missing(
        reshard_, observed,
        [&](std::string_view question) -> std::optional<std::string> {
          asked_.emplace_back(question);
          if (answers.empty()) return std::nullopt;
          std::string answer = answers.front();
          answers.pop_front();
          return answer;
        },
        [this](const std::string& line) { said_.push_back(line); });
  }

  ReshardRequest reshard_;
  std::vector<std::string> asked_;
  std::vector<std::string> said_;
};

TEST_F(ReshardQuestions, AsksForAllThree) {
  ASSERT_TRUE(ask({"16", "aaaa", "all"}));
  EXPECT_EQ(reshard_.options.slots, 16);
  EXPECT_EQ(reshard_.options.to, kIdA);
  EXPECT_TRUE(reshard_.all_sources);
  EXPECT_THAT(reshard_.options.from, IsEmpty());
  EXPECT_THAT(asked_, ElementsAre("How many slots do you want to move (from 1 to 16384)? ",
                                  "What is the receiving node ID? ", "Source node #1: "));
}

TEST_F(ReshardQuestions, AsksOnlyForWhatIsMissing) {
  reshard_.options.slots = 3;
  reshard_.options.to = kIdA;
  ASSERT_TRUE(ask({kIdB, "done"}));
  EXPECT_THAT(reshard_.options.from, ElementsAre(kIdB));
  EXPECT_FALSE(reshard_.all_sources);
  reshard_.options.from = {"x"};
  asked_.clear();
  ASSERT_TRUE(ask({}));
  EXPECT_THAT(asked_, IsEmpty());
}

TEST_F(ReshardQuestions, BadAnswersAreAskedAgainThreeTimesAtMost) {
  ASSERT_TRUE(ask({"-5", "many", " 7 ", "cccc", "bbbb", "done", "zzzz", "aaaa", "done"}));
  EXPECT_EQ(reshard_.options.slots, 7);
  EXPECT_EQ(reshard_.options.to, kIdB);
  EXPECT_THAT(reshard_.options.from, ElementsAre(kIdA));
  EXPECT_THAT(said_, Contains(HasSubstr("\"-5\" is not a number from 1 to 16384")));
  EXPECT_THAT(said_, Contains(HasSubstr("no source node was given")));

  reshard_ = {};
  asked_.clear();
  Status status = ask({"a", "b", "c", "d"});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kConflict);
  EXPECT_EQ(asked_.size(), 3U);
}

TEST_F(ReshardQuestions, TheEndOfTheInputRefuses) {
  for (const std::deque<std::string>& answers :
       {std::deque<std::string>{}, {"16"}, {"16", "aaaa"}, {"16", "aaaa", "bbbb"}}) {
    reshard_ = {};
    Status status = ask(answers);
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message, HasSubstr("nothing was changed"));
  }
}

TEST_F(ReshardQuestions, SourcesThatNeverEndAreRefused) {
  reshard_.options.slots = 1;
  reshard_.options.to = kIdA;
  EXPECT_FALSE(ask({kIdB, kIdB, kIdB, kIdB, kIdB, kIdB}));
}

}  // namespace
}  // namespace keyway::cli
