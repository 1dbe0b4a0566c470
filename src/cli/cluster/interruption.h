// Ctrl-C and SIGTERM as a flag that any thread may ask for, for work that stops only at good moments. While
// one of these lives, the first of them sets the flag, and the second ends the process at once with 130.
// Nothing else handles these signals meanwhile. One at a time, in the main thread.
#pragma once

#include <array>
#include <csignal>

namespace keyway::cli {

class Interruption {
 public:
  Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();  // the signals mean again what they meant before

  // Any thread. False while none lives.
  static bool seen();

 private:
  std::array<struct sigaction, 3> before_{};
};

}  // namespace keyway::cli
