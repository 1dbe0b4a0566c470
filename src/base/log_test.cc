#include "base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/strings.h"

namespace keyway {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Runs first of this file, while nothing has opened a log yet in this process.
TEST(LogBeforeAFile, GoesNowhere) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  log_error("nobody hears this", {{"key", "value"}});
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "keyway-log-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = (folder_ / "supervisor.log").string();
  }

  void TearDown() override { fs::remove_all(folder_); }

  static std::string content(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  // Without the last line's end, so that an empty part at the end is a mistake to be seen.
  static std::vector<std::string> lines(const std::string& path) {
    std::string text = content(path);
    EXPECT_TRUE(text.empty() || text.back() == '\n');
    std::vector<std::string> found;
    for (std::string_view line : split(text, '\n')) found.emplace_back(line);
    found.pop_back();
    return found;
  }

  static mode_t mode(const std::string& path) {
    struct stat about{};
    EXPECT_EQ(::stat(path.c_str(), &about), 0) << path;
    return about.st_mode & 07777;
  }

  fs::path folder_;
  std::string path_;
};

TEST_F(LogTest, WritesOneLineAnEvent) {
  ASSERT_TRUE(log_to_file(path_));
  log_info("server started", {{"node", "p1-0"}, {"pid", "4711"}});
  log_warning("slow");
  log(LogLevel::kDebug, "detail");
  std::vector<std::string> found = lines(path_);
  ASSERT_EQ(found.size(), 3u);
  std::string time = R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z )";
  EXPECT_TRUE(std::regex_match(found[0], std::regex(time + "INFO server started node=p1-0 pid=4711")))
      << found[0];
  EXPECT_TRUE(std::regex_match(found[1], std::regex(time + "WARNING slow"))) << found[1];
  EXPECT_TRUE(std::regex_match(found[2], std::regex(time + "DEBUG detail"))) << found[2];
}

TEST_F(LogTest, QuotesValuesThatWouldReadAsSomethingElse) {
  ASSERT_TRUE(log_to_file(path_));
  log_error("it failed",
            {{"blank", "a b"}, {"none", ""}, {"quote", R"(say "\")"}, {"pair", "x=y"}, {"utf8", "größe"}});
  EXPECT_THAT(content(path_),
              HasSubstr(R"(ERROR it failed blank="a b" none="" quote="say \"\\\"" pair="x=y" utf8=größe)"));
}

TEST_F(LogTest, NeverBreaksALine) {
  ASSERT_TRUE(log_to_file(path_));
  log_info("two\nlines", {{"error", "one\r\ntwo"}});
  std::vector<std::string> found = lines(path_);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0], HasSubstr(R"(two\nlines error="one\x0d\ntwo")"));
}

TEST_F(LogTest, CutsALineThatIsTooLong) {
  ASSERT_TRUE(log_to_file(path_));
  log_info("long", {{"value", std::string(1 << 20, 'x')}});
  log_info("next");
  std::vector<std::string> found = lines(path_);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_LT(found[0].size(), size_t{17} * 1024);
  EXPECT_TRUE(found[0].ends_with("x..."));
}

TEST_F(LogTest, IsReadableByItsOwnerOnly) {
  ASSERT_TRUE(log_to_file(path_, 100));
  for (int i = 0; i < 10; ++i) log_info("a line long enough to fill the file soon");
  EXPECT_EQ(mode(path_), 0600u);
  EXPECT_EQ(mode(path_ + ".1"), 0600u);
}

TEST_F(LogTest, AFileMayBeJsonAndLeaveOutWhatMattersLess) {
  ASSERT_TRUE(log_to_file(path_, 100, LogFormat::kJson, LogLevel::kWarning));
  log_info("not told");
  for (int i = 0; i < 3; ++i)
    log_warning("a line that leaves no room for a second one", {{"number", std::to_string(i)}});
  ASSERT_EQ(lines(path_).size(), 1U);
  EXPECT_TRUE(lines(path_)[0].ends_with(
      R"("level":"warning","message":"a line that leaves no room for a second one","number":"2"})"))
      << lines(path_)[0];
  EXPECT_EQ(lines(path_ + ".1").size(), 1U);
}

TEST_F(LogTest, TakesPermissionsFromAFileThatHasTooMany) {
  std::ofstream(path_) << "older line\n";
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  ASSERT_TRUE(log_to_file(path_));
  log_info("newer line");
  EXPECT_EQ(mode(path_), 0600u);
  ASSERT_EQ(lines(path_).size(), 2u);
  EXPECT_EQ(lines(path_)[0], "older line");
}

TEST_F(LogTest, StaysBelowItsSizeAndKeepsOneOlderFile) {
  constexpr size_t limit_bytes = 4096;
  ASSERT_TRUE(log_to_file(path_, limit_bytes));
  for (int i = 0; i < 1000; ++i) log_info("event", {{"number", std::to_string(i)}});
  EXPECT_LE(fs::file_size(path_), limit_bytes);
  EXPECT_LE(fs::file_size(path_ + ".1"), limit_bytes);
  EXPECT_TRUE(lines(path_).back().ends_with("number=999"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 2);
  // The older file ends where the newer one begins.
  std::string last = lines(path_ + ".1").back();
  std::string first = lines(path_).front();
  EXPECT_EQ(parse_int(last.substr(last.rfind('=') + 1)).value() + 1,
            parse_int(first.substr(first.rfind('=') + 1)).value());
}

TEST_F(LogTest, CountsWhatAnEarlierProcessWrote) {
  std::ofstream(path_) << std::string(500, 'x') << '\n';
  ASSERT_TRUE(log_to_file(path_, 510));
  log_info("event");
  EXPECT_EQ(lines(path_).size(), 1u);
  EXPECT_EQ(lines(path_ + ".1").size(), 1u);
}

TEST_F(LogTest, IsNotInheritedByProcessesStartedFromHere) {
  ASSERT_TRUE(log_to_file(path_));
  log_info("event");
  int found = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    if (fs::read_symlink(entry.path(), error) != fs::path(path_)) continue;
    ++found;
    EXPECT_NE(::fcntl(std::stoi(entry.path().filename().string()), F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(found, 1);
}

TEST_F(LogTest, KeepsTheLinesOfThreadsApart) {
  ASSERT_TRUE(log_to_file(path_));
  constexpr int thread_count = 4;
  constexpr int line_count = 500;
  std::vector<std::thread> threads;
  for (int t = 0; t < thread_count; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < line_count; ++i) {
        log_info("event",
                 {{"thread", std::to_string(t)}, {"payload", std::string(100, static_cast<char>('a' + t))}});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::string> found = lines(path_);
  EXPECT_EQ(found.size(), static_cast<size_t>(thread_count * line_count));
  std::regex whole(
      R"(\S+Z INFO event thread=(0 payload=a{100}|1 payload=b{100}|2 payload=c{100}|3 payload=d{100}))");
  for (const std::string& line : found) ASSERT_TRUE(std::regex_match(line, whole)) << line;
}

TEST_F(LogTest, SaysWhyItCannotOpen) {
  std::string missing = (folder_ / "missing" / "x.log").string();
  Status status = log_to_file(missing);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr(missing));
  EXPECT_THAT(status.error().message, HasSubstr("No such file or directory"));
}

TEST_F(LogTest, RefusesADeviceAndASymbolicLink) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0644), 0);
  int reader = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  EXPECT_FALSE(log_to_file(path_));
  EXPECT_EQ(mode(path_), 0644u);
  ::close(reader);
  fs::create_symlink(folder_ / "elsewhere", folder_ / "link");
  EXPECT_FALSE(log_to_file((folder_ / "link").string()));
}

TEST_F(LogTest, GoesOnWithTheEarlierFileWhenAnotherCannotBeOpened) {
  ASSERT_TRUE(log_to_file(path_));
  ASSERT_FALSE(log_to_file((folder_ / "missing" / "x.log").string()));
  log_info("still here");
  EXPECT_THAT(content(path_), HasSubstr("still here"));
}

// The lines that come out of a pipe to which `write` logs.
std::vector<std::string> logged(LogFormat format, LogLevel least, const std::function<void()>& write) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  log_to_stream(ends[1], format, least);
  write();
  ::close(ends[1]);
  std::string text;
  std::array<char, 65536> bytes{};
  for (ssize_t got = 0; (got = ::read(ends[0], bytes.data(), bytes.size())) > 0;)
    text.append(bytes.data(), static_cast<size_t>(got));
  ::close(ends[0]);
  std::vector<std::string> found;
  for (std::string_view line : split(text, '\n')) found.emplace_back(line);
  EXPECT_EQ(found.back(), "");
  found.pop_back();
  return found;
}

TEST(LogStream, JsonIsOneObjectALine) {
  auto found = logged(LogFormat::kJson, LogLevel::kInfo, [] {
    log_info("two\nlines", {{"user", "a\"b\xff"}, {"more", "x=y"}});
    log(LogLevel::kDebug, "not told");
  });
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(std::regex_match(
      found[0], std::regex(R"(\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"info",)"
                           R"("message":"two\\nlines","user":"a\\"b\xEF\xBF\xBD","more":"x=y"\})")))
      << found[0];
}

TEST(LogStream, ALineNeverOutgrowsWhatAPipeTakesAtOnce) {
  LogFields fields;
  for (int i = 0; i < 100; ++i) fields.emplace_back("key", std::string(1000, i % 2 == 0 ? '\x01' : 'x'));
  auto json = logged(LogFormat::kJson, LogLevel::kInfo, [&] { log_info("long", fields); });
  ASSERT_EQ(json.size(), 1U);
  EXPECT_LE(json[0].size(), 4096U);
  EXPECT_TRUE(json[0].ends_with("\"}"));
  auto text = logged(LogFormat::kText, LogLevel::kInfo, [&] { log_info("long", fields); });
  ASSERT_EQ(text.size(), 1U);
  EXPECT_LE(text[0].size(), 4096U);
}

TEST(LogStream, AReaderThatDoesNotReadHoldsNobodyUp) {
  auto found = logged(LogFormat::kText, LogLevel::kInfo, [] {
    for (int i = 0; i < 5000; ++i) log_info("a line", {{"filler", std::string(1000, 'x')}});
  });
  EXPECT_GT(found.size(), 10U);
  EXPECT_LT(found.size(), 5000U);
}

}  // namespace
}  // namespace keyway
