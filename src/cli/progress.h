// Tells what happens while a command waits: on a terminal the events with a line below that turns and says
// what is under way, elsewhere plain lines, with --json nothing. Writes to standard error. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/live.h"
#include "cli/output.h"
#include "supervisor/control.h"

namespace keyway::cli {

class Progress {
 public:
  explicit Progress(const Output& output);
  ~Progress();  // removes the turning line

  void event(const supervisor::Event& event);
  void line(std::string_view text);
  // Call at least every 100 ms, so that a person sees that it lives.
  void working(std::string_view what);

 private:
  bool silent_;
  LiveView view_;
  int64_t begin_ms_;
  size_t step_ = 0;
};

// "12:00:01 p1  text", in the colour of its level.
std::string event_line(const supervisor::Event& event, const Terminal& terminal);

int64_t steady_ms();

}  // namespace keyway::cli
