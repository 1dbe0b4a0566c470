// Ends the supervisor in the middle of its work: once armed, the n-th point that it passes throws
// Interrupted. The points are in the two seams, before and after whatever they do. One thread.
#pragma once

namespace keyway::simulation {

struct Interrupted {};

class Interrupter {
 public:
  void arm(int points) { left_ = points; }
  void disarm() { left_ = 0; }
  void point() {
    if (left_ == 0) return;
    left_ -= 1;
    if (left_ == 0) throw Interrupted{};
  }

 private:
  int left_ = 0;
};

}  // namespace keyway::simulation
