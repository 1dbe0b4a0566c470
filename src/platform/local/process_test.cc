#include "platform/local/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "platform/local/test_home.h"

namespace keyway::platform::local {
namespace {

using testing::HasSubstr;

ShortRun run_shell(const std::string& script, const std::string& folder = "/") {
  Result<ShortRun> run = run_briefly(Launch{"/bin/sh", {"-c", script}, folder, ""}, 10'000);
  EXPECT_TRUE(run) << run.error().message;
  return run ? *run : ShortRun{};
}

int wait_for(int pid) {
  int wait_status = 0;
  EXPECT_EQ(::waitpid(pid, &wait_status, 0), pid);
  return wait_status;
}

TEST(RunBriefly, GivesOutputAndExit) {
  ShortRun run = run_shell("echo out; echo err >&2; exit 3");
  EXPECT_EQ(run.output, "out\nerr\n");
  EXPECT_EQ(describe_exit(run.wait_status), "exit code 3");
}

TEST(RunBriefly, EndsWhatTakesTooLong) {
  Result<ShortRun> run = run_briefly(Launch{"/bin/sh", {"-c", "exec sleep 100"}, "/", ""}, 50);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, ErrorCode::kTimeout);
}

TEST(RunBriefly, BoundsTheOutput) {
  ShortRun run = run_shell(
      "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done");
  EXPECT_EQ(run.output.size(), 64u * 1024);
  EXPECT_EQ(describe_exit(run.wait_status), "exit code 0");
}

TEST(RunBriefly, GivesTheChildNothingOfOurs) {
  TestHome home;
  TestVariable secret("REDISCLI_AUTH", "secret");
  int leaked = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  ASSERT_GT(leaked, 2);
  ShortRun run = run_shell("ls /proc/self/fd; umask; pwd; cat; echo auth=$REDISCLI_AUTH", home.path);
  ::close(leaked);
  EXPECT_EQ(run.output, "0\n1\n2\n3\n0077\n" + home.path + "\nauth=\n") << "3 is the folder that ls reads";
}

TEST(RunBriefly, ResetsSignals) {
  ::signal(SIGTERM, SIG_IGN);
  ShortRun run = run_shell("kill -TERM $$; echo survived");
  ::signal(SIGTERM, SIG_DFL);
  EXPECT_EQ(describe_exit(run.wait_status), "killed by signal 15 (Terminated)");
}

TEST(Launch, TellsWhatIsWrong) {
  TestHome home;
  Result<ProcessIdentity> none = launch(Launch{"/nowhere/server", {}, home.path, home.path + "/log"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(none.error().message, HasSubstr("/nowhere/server: No such file or directory"));
}

TEST(Launch, DetachesAndKeepsOutput) {
  TestHome home;
  std::string log = home.path + "/log";
  Result<ProcessIdentity> process =
      launch(Launch{"/bin/sh", {"-c", "echo hello; exec sleep 100"}, home.path, log});
  ASSERT_TRUE(process) << process.error().message;
  EXPECT_TRUE(is_alive(*process));
  EXPECT_TRUE(leads_session(process->pid));
  EXPECT_TRUE(wait_until([&] { return read_tail(log, 0, 100) == "hello\n"; }));
  struct stat about{};
  ASSERT_EQ(::stat(log.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  EXPECT_EQ(folder_of(process->pid), home.path);
  ASSERT_TRUE(send_signal(*process, SIGKILL));
  EXPECT_EQ(describe_exit(wait_for(process->pid)), "killed by signal 9 (Killed)");
  EXPECT_FALSE(is_alive(*process));
}

TEST(ProcessIdentity, ALaterProcessWithThePidIsAnother) {
  std::optional<ProcessIdentity> self = identify(::getpid());
  ASSERT_TRUE(self);
  EXPECT_TRUE(is_alive(*self));
  ProcessIdentity other_start = *self;
  ++other_start.start_ticks;
  EXPECT_FALSE(is_alive(other_start));
  EXPECT_EQ(open_process(other_start).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(send_signal(other_start, SIGKILL).error().code, ErrorCode::kNotFound);
  ProcessIdentity other_boot = *self;
  other_boot.boot_id = "another";
  EXPECT_FALSE(is_alive(other_boot));
  EXPECT_EQ(open_process(other_boot).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(is_alive(ProcessIdentity{}));
  EXPECT_EQ(open_process(ProcessIdentity{}).error().code, ErrorCode::kNotFound);
}

TEST(OpenProcess, BecomesReadableAtTheEnd) {
  TestHome home;
  Result<ProcessIdentity> process = launch(Launch{"/bin/sleep", {"100"}, home.path, home.path + "/log"});
  ASSERT_TRUE(process);
  Result<Fd> fd = open_process(*process);
  ASSERT_TRUE(fd);
  pollfd entry{fd->get(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
  ::kill(process->pid, SIGKILL);
  EXPECT_EQ(::poll(&entry, 1, 10'000), 1);
  EXPECT_FALSE(is_alive(*process)) << "a zombie is not alive";
  EXPECT_TRUE(open_process(*process)) << "but can be watched until it is reaped";
  wait_for(process->pid);
  EXPECT_FALSE(open_process(*process));
}

}  // namespace
}  // namespace keyway::platform::local
