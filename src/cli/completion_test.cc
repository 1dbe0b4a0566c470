#include "cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/grammar.h"

namespace keyway::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class Names : public KnownNames {
 public:
  std::vector<std::string> clusters() override { return {"shop", "cache"}; }
  std::vector<std::string> shards(const std::string& cluster) override { return of(cluster, {"p1", "p2"}); }
  std::vector<std::string> nodes(const std::string& cluster) override {
    return of(cluster, {"p1-0", "p1-1", "p2-0"});
  }
  std::vector<std::string> users(const std::string& cluster) override {
    return of(cluster, {"admin", "workload"});
  }

 private:
  static std::vector<std::string> of(const std::string& cluster, std::vector<std::string> names) {
    return cluster.empty() || cluster == "shop" ? names : std::vector<std::string>{};
  }
};

std::vector<std::string> offered(const std::vector<std::string>& words) {
  Names names;
  std::vector<std::string> texts;
  for (const Candidate& candidate : complete(words, names).words) texts.push_back(candidate.word);
  return texts;
}

TEST(Completion, CommandsComeFirst) {
  EXPECT_THAT(offered({""}), Contains("up"));
  EXPECT_THAT(offered({""}), Not(Contains("supervise")));
  EXPECT_THAT(offered({"st"}), ElementsAre("status"));
  EXPECT_THAT(offered({"nonsense", ""}), IsEmpty());
}

TEST(Completion, ClusterTool) {
  EXPECT_THAT(offered({"clu"}), ElementsAre("cluster"));
  EXPECT_THAT(offered({"cluster", "re"}), ElementsAre("reshard", "rebalance"));
  EXPECT_THAT(offered({"cluster", "check", ""}), ElementsAre("shop", "cache"));
  EXPECT_THAT(offered({"cluster", "check", "--search-keys", "s"}), ElementsAre("shop"));
  EXPECT_THAT(offered({"cluster", "reshard", "shop", "--sl"}), ElementsAre("--slots"));
  EXPECT_THAT(offered({"cluster", "reshard", "shop", "--slots", "3", "--sl"}), IsEmpty());
  EXPECT_THAT(offered({"cluster", "import", "shop", "--from", "c"}), ElementsAre("cache"));
  EXPECT_THAT(offered({"cluster", "call", "shop", "--", "--"}), IsEmpty());
  EXPECT_THAT(offered({"--cluster", "rebalance", "shop", "--cluster-use"}),
              ElementsAre("--cluster-use-empty-masters", "--cluster-use-atomic-slot-migration"));
  EXPECT_THAT(offered({"--cluster", "nonsense", "--"}), IsEmpty());
}

TEST(Completion, FlagsOfTheCommandThatAreNotGivenYet) {
  EXPECT_THAT(offered({"up", "--re"}), ElementsAre("--replicas"));
  EXPECT_THAT(offered({"up", "--replicas", "2", "--re"}), IsEmpty());
  EXPECT_THAT(offered({"up", "-d", "--d"}), IsEmpty());
  EXPECT_THAT(offered({"ls", "--"}), ElementsAre("--json", "--help"));
}

TEST(Completion, CommandsOfTwoWords) {
  EXPECT_THAT(offered({"prox"}), ElementsAre("proxy"));
  EXPECT_THAT(offered({"proxy", "t"}), ElementsAre("top"));
  EXPECT_THAT(offered({"proxy", "top", "--o"}), ElementsAre("--once"));
  EXPECT_THAT(offered({"proxy", "--reads", "n"}), ElementsAre("nearest"));
}

TEST(Completion, ValuesOfFlags) {
  EXPECT_THAT(offered({"up", "--mode", ""}), ElementsAre("sharded", "replicated"));
  EXPECT_THAT(offered({"up", "--shards", ""}), IsEmpty());
  EXPECT_THAT(offered({"status", "--cluster", "s"}), ElementsAre("shop"));
  EXPECT_THAT(offered({"failover", "shop", "p1", "--to", "p1"}), ElementsAre("p1-0", "p1-1"));
  EXPECT_THAT(offered({"failover", "p1", "--to", "p1"}), ElementsAre("p1-0", "p1-1"));
  Names names;
  EXPECT_TRUE(complete({"up", "-f", ""}, names).files);
  EXPECT_TRUE(complete({"up", "--engine", "/u"}, names).files);
  EXPECT_FALSE(complete({"up", ""}, names).files);
}

TEST(Completion, NamesOfThingsWithAndWithoutTheirCluster) {
  EXPECT_THAT(offered({"status", ""}), ElementsAre("shop", "cache"));
  EXPECT_THAT(offered({"failover", "p"}), ElementsAre("p1", "p2"));
  EXPECT_THAT(offered({"failover", "shop", "p"}), ElementsAre("p1", "p2"));
  EXPECT_THAT(offered({"exec", "shop", ""}), ElementsAre("p1-0", "p1-1", "p2-0"));
  EXPECT_THAT(offered({"password", "--cluster", "shop", "w"}), ElementsAre("workload"));
  EXPECT_THAT(offered({"failover", "cache", "p"}), IsEmpty());
  EXPECT_THAT(offered({"exec", "p1-0", "--", "re"}), IsEmpty());
}

TEST(Completion, EveryFlagAndWordOfTheGrammarIsSound) {
  for (const CommandSyntax& command : all_commands()) {
    EXPECT_EQ(command_named(command.name), &command);
    for (std::string_view flag : command.flags) EXPECT_EQ(flag_named(flag).name, flag);
  }
}

// Runs bash with the script, a stand-in for the program that answers from a file, and one completion.
class BashCompletion : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "keyway-completion-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    std::ofstream(folder_ / "script") << completion_script("bash");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string run(const std::string& command) {
    FILE* pipe = popen(command.c_str(), "r");
    std::string output;
    char buffer[256];
    while (pipe != nullptr && fgets(buffer, sizeof buffer, pipe) != nullptr) output += buffer;
    return pipe != nullptr && pclose(pipe) == 0 ? output : "failed: " + output;
  }

  std::string complete_words(const std::string& answer, const std::string& words, int at) {
    std::ofstream(folder_ / "answer") << answer;
    std::ofstream program(folder_ / "keyway");
    program << "#!/bin/sh\necho \"$@\" > '" << (folder_ / "asked").string() << "'\ncat '"
            << (folder_ / "answer").string() << "'\n";
    program.close();
    chmod((folder_ / "keyway").c_str(), 0700);
    std::ofstream(folder_ / "drive") << "source '" << (folder_ / "script").string() << "'\nCOMP_WORDS=('"
                                     << (folder_ / "keyway").string() << "' " << words
                                     << ")\nCOMP_CWORD=" << at
                                     << "\n_keyway\nprintf '[%s]' \"${COMPREPLY[@]}\"\n";
    return run("cd '" + folder_.string() + "' && bash '" + (folder_ / "drive").string() + "' 2>&1");
  }

  std::string asked() {
    std::ifstream file(folder_ / "asked");
    std::string line;
    std::getline(file, line);
    return line;
  }

  std::filesystem::path folder_;
};

TEST_F(BashCompletion, ScriptIsGoodBash) {
  EXPECT_EQ(run("bash -n '" + (folder_ / "script").string() + "' 2>&1"), "");
}

TEST_F(BashCompletion, OffersWordsWithoutTheirMeaning) {
  EXPECT_EQ(complete_words("p1-0\tnode\np1-1\tnode\n", "exec shop p1", 3), "[p1-0][p1-1]");
  EXPECT_EQ(asked(), "__complete exec shop p1");
}

TEST_F(BashCompletion, OffersFiles) { EXPECT_EQ(complete_words(":files\n", "up -f scr", 3), "[script]"); }

}  // namespace
}  // namespace keyway::cli
