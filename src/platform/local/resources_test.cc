#include "platform/local/resources.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/local/test_home.h"

namespace keyway::platform::local {
namespace {

using testing::Contains;
using testing::HasSubstr;

// Runs `check` in a process whose limit of open files is `limit`, and gives its answer.
bool holds_with_descriptors(rlim_t limit, const std::function<bool()>& check) {
  pid_t child = ::fork();
  if (child == 0) {
    rlimit both{limit, limit};
    ::_exit(::setrlimit(RLIMIT_NOFILE, &both) == 0 && check() ? 0 : 1);
  }
  int wait_status = -1;
  return ::waitpid(child, &wait_status, 0) == child && wait_status == 0;
}

TEST(CheckResources, WarnsOfMemoryThatIsNotThere) {
  TestHome home;
  cluster::Spec spec = cluster::default_spec("blue", cluster::Mode::kSharded, 3, 1);
  EXPECT_TRUE(check_resources(spec, home.path));
  spec.partitions[0].memory_bytes = int64_t{1} << 50;
  Result<std::vector<std::string>> warnings = check_resources(spec, home.path);
  ASSERT_TRUE(warnings);
  EXPECT_THAT(*warnings, Contains(HasSubstr("memory are free")));
  EXPECT_FALSE(check_resources(spec, home.path + "/none"));
}

TEST(CheckResources, RefusesTooFewDescriptors) {
  TestHome home;
  cluster::Spec spec = cluster::default_spec("blue", cluster::Mode::kSharded, 3, 1);
  EXPECT_TRUE(holds_with_descriptors(64, [&] {
    Result<std::vector<std::string>> few = check_resources(spec, home.path);
    return !few && few.error().code == ErrorCode::kExhausted &&
           few.error().message.find("ulimit -n") != std::string::npos;
  }));
  EXPECT_TRUE(holds_with_descriptors(256, [&] {
    Result<std::vector<std::string>> some = check_resources(spec, home.path);
    return some && some->size() == 1 && some->front().find("clients only") != std::string::npos;
  }));
  EXPECT_TRUE(holds_with_descriptors(4096, [&] {
    Result<std::vector<std::string>> enough = check_resources(spec, home.path);
    return enough && enough->empty();
  }));
}

TEST(RaiseDescriptorLimit, GoesAsFarAsItMay) {
  EXPECT_TRUE(holds_with_descriptors(5000, [] {
    rlimit low{100, 5000};
    if (::setrlimit(RLIMIT_NOFILE, &low) != 0) return false;
    raise_descriptor_limit();
    rlimit now{};
    return ::getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur == 5000;
  }));
}

}  // namespace
}  // namespace keyway::platform::local
