// Lines at the bottom of a terminal that are drawn again in place, below lines that stay. Never waits for the
// terminal: a frame that it does not take is left out. Where no person watches, only the lines that stay are
// written. One thread.
#pragma once

#include <string>
#include <vector>

#include "cli/sink.h"
#include "cli/terminal.h"

namespace keyway::cli {

class LiveView {
 public:
  // `fd` stays the caller's. `full_screen`: on a screen of its own, which is left again at the end
  // (interactive terminals only).
  LiveView(int fd, Terminal terminal, bool full_screen = false);
  LiveView(const LiveView&) = delete;
  LiveView& operator=(const LiveView&) = delete;
  // Leaves what was drawn last where it is (full screen: gives the old screen back).
  ~LiveView();

  // A line that stays, above the area. Too many that the terminal does not take are counted and left out.
  void print(std::string_view line);

  // Draws the area; more lines than the window has are left out.
  void show(std::vector<std::string> area);

  // Removes the area.
  void clear() { show({}); }

  // As it is at this moment: the window may be resized at any time.
  const Terminal& terminal();
  // How many lines an area may have; 0: no limit.
  size_t room() const { return terminal_.rows > 1 ? static_cast<size_t>(terminal_.rows - 1) : 0; }

 private:
  std::string frame(const std::vector<std::string>& area) const;
  std::vector<std::string> fit(std::vector<std::string> area) const;
  int drawn_rows() const;

  int fd_;
  Terminal terminal_;
  bool full_screen_;
  Sink sink_;
  std::string stay_;        // lines that stay and are not yet written
  size_t left_out_ = 0;     // lines that would have stayed
  std::vector<int> drawn_;  // the columns of each line of the area
};

// The sign that turns while something goes on: one of its states, by `step`.
std::string spinner(size_t step, bool utf8);

}  // namespace keyway::cli
