// main() of every unit test program. Tests read their data by paths from the project's root, so they run
// there, wherever the program was started.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  if (::chdir(KEYWAY_SOURCE_DIR) != 0) {
    std::perror("cannot run in " KEYWAY_SOURCE_DIR);
    return 1;
  }
  return RUN_ALL_TESTS();
}
