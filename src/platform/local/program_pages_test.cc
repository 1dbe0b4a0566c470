#include "platform/local/program_pages.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "platform/local/files.h"

namespace keyway::platform::local {
namespace {

// Resident pages that are of files.
int64_t file_pages() {
  Result<std::string> text = read_file("/proc/self/statm", 4096);
  if (!text) return -1;
  return parse_int(split_blanks(*text).at(2)).value_or(-1);
}

TEST(ProgramPages, AreFewerAndComeBack) {
  int64_t before = file_pages();
  let_go_of_program_pages();
  EXPECT_LT(file_pages(), before);
  EXPECT_EQ(count_of(2, "page"), "2 pages") << "what is needed is there again";
}

}  // namespace
}  // namespace keyway::platform::local
