#include "cli/program.h"

int main(int argc, char** argv) {
  if (argc < 1) return 2;  // called by something that is no shell
  return keyway::cli::run_program(argv[0], {argv + 1, argv + argc});
}
