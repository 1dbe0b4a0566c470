// Questions, interruptions and what is told where, with pipes in place of the standard streams.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "cli/cluster/interruption.h"
#include "cli/cluster/prompt.h"
#include "cli/cluster/reporter.h"

namespace keyway::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Standard input, output and error are pipes while it lives.
class Streams {
 public:
  Streams() {
    for (int fd = 0; fd < 3; ++fd) {
      saved_[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
      int ends[2] = {-1, -1};
      EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
      bool input = fd == 0;
      EXPECT_EQ(dup2(ends[input ? 0 : 1], fd), fd);
      close(ends[input ? 0 : 1]);
      ours_[fd] = ends[input ? 1 : 0];
      EXPECT_EQ(fcntl(ours_[fd], F_SETFL, input ? 0 : O_NONBLOCK), 0);
    }
  }
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;
  ~Streams() {
    for (int fd = 0; fd < 3; ++fd) {
      dup2(saved_[fd], fd);
      close(saved_[fd]);
      if (ours_[fd] >= 0) close(ours_[fd]);
    }
  }

  void type(std::string_view text) {
    EXPECT_EQ(write(ours_[0], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void end_input() {
    close(ours_[0]);
    ours_[0] = -1;
  }
  std::string output() { return read_all(ours_[1]); }
  std::string errors() { return read_all(ours_[2]); }

 private:
  static std::string read_all(int fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t size = 0; (size = read(fd, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<size_t>(size));
    return text;
  }

  int saved_[3] = {-1, -1, -1};
  int ours_[3] = {-1, -1, -1};
};

TEST(Prompt, ReadsALineAndNoByteMore) {
  Streams streams;
  streams.type("yes\nno\nlast");
  EXPECT_EQ(read_answer(), "yes");
  EXPECT_EQ(read_answer(), "no");
  streams.end_input();
  EXPECT_EQ(read_answer(), "last");
  EXPECT_EQ(read_answer(), std::nullopt);
}

TEST(Prompt, OverlongAnswersAreNone) {
  Streams streams;
  streams.type(std::string(5000, 'y'));
  EXPECT_EQ(read_answer(), std::nullopt);
}

TEST(Prompt, MeaningOfAnswers) {
  for (const char* answer : {"y", "yes", "YES", " Yes\r"}) EXPECT_TRUE(means_yes(answer));
  for (const char* answer : {"", "n", "no", "yess", "y y"}) EXPECT_FALSE(means_yes(answer));
}

TEST(Prompt, PasswordMayBePipedIn) {
  Streams streams;
  streams.type("s3cret\r\n\n");
  Result<std::string> password = ask_password("Password: ");
  EXPECT_EQ(password.value_or(""), "s3cret");
  EXPECT_FALSE(ask_password("Password: ")) << "an empty one is none";
  streams.end_input();
  EXPECT_FALSE(ask_password("Password: "));
  EXPECT_EQ(streams.errors(), "") << "nobody sees a question";
}

TEST(Interruption, IsSeenAndForgotten) {
  {
    Interruption interruption;
    EXPECT_FALSE(Interruption::seen());
    raise(SIGTERM);
    EXPECT_TRUE(Interruption::seen());
  }
  Interruption again;
  EXPECT_FALSE(Interruption::seen());
}

TEST(Interruption, EndsAQuestionThatIsAskedAfterIt) {
  Streams streams;
  Interruption interruption;
  raise(SIGINT);
  EXPECT_EQ(read_answer(), std::nullopt);
}

TEST(InterruptionDeathTest, TheSecondEndsAtOnce) {
  EXPECT_EXIT(
      {
        Interruption interruption;
        raise(SIGINT);
        raise(SIGINT);
      },
      testing::ExitedWithCode(130), "");
}

TEST(Reporter, OwnStyleTellsOnStandardError) {
  Streams streams;
  Output output(false);
  ToolReporter reporter(output, Spelling::kOwn, false);
  reporter.note("looked\x1b[2J");
  reporter.warn("odd");
  reporter.say({"result"});
  EXPECT_EQ(streams.errors(), "looked\\x1b[2J\n! odd\n");
  EXPECT_EQ(streams.output(), "result\n");
}

TEST(Reporter, OwnStyleWithoutATerminalDoesNotAsk) {
  Streams streams;
  streams.type("yes\n");
  Output output(false);
  ToolReporter reporter(output, Spelling::kOwn, false);
  Result<bool> answer = reporter.confirm("Go on?");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(answer.error().message, HasSubstr("--yes"));
}

TEST(Reporter, OldSpellingsTellOnStandardOutputAndTakePipedAnswers) {
  Streams streams;
  streams.type("yes\nno\n");
  Output output(false);
  ToolReporter reporter(output, Spelling::kRedisCli, false);
  reporter.note("looked");
  reporter.warn("odd");
  EXPECT_TRUE(reporter.confirm("Go on?").value_or(false));
  EXPECT_FALSE(reporter.refused());
  EXPECT_FALSE(reporter.confirm("Go on?").value_or(true));
  EXPECT_TRUE(reporter.refused());
  EXPECT_EQ(streams.output(),
            ">>> looked\n[WARNING] odd\nGo on? (type 'yes' to accept): \nGo on? (type 'yes' to accept): \n");
  streams.end_input();
  EXPECT_FALSE(reporter.confirm("Go on?").value_or(true)) << "the end of the input refuses";
}

TEST(Reporter, JsonTellsNothingAndKeepsAll) {
  Streams streams;
  Output output(true);
  ToolReporter reporter(output, Spelling::kOwn, false);
  reporter.note("looked");
  reporter.warn("odd");
  reporter.say({"result"});
  reporter.show({"plan"});
  reporter.progress(admin::Progress{});
  EXPECT_EQ(streams.errors() + streams.output(), "");
  EXPECT_THAT(reporter.notes(), ElementsAre("looked"));
  EXPECT_THAT(reporter.warnings(), ElementsAre("odd"));
}

}  // namespace
}  // namespace keyway::cli
