#include "cli/program.h"

int main(int argc, char** argv) { return keyway::cli::run_program({argv + 1, argv + argc}); }
