#include "cli/live.h"

#include <array>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::cli {

namespace {

constexpr size_t kMaxStayBytes = size_t{64} << 10;
constexpr int64_t kDrainMs = 500;

constexpr std::string_view kEnterScreen = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J";
constexpr std::string_view kLeaveScreen = "\x1b[?25h\x1b[?1049l";

}  // namespace

LiveView::LiveView(int fd, Terminal terminal, bool full_screen)
    : fd_(fd), terminal_(terminal), full_screen_(full_screen && terminal.interactive), sink_(fd) {
  if (full_screen_) sink_.offer(kEnterScreen);
}

LiveView::~LiveView() {
  sink_.drain(kDrainMs);
  if (full_screen_) {
    sink_.offer(kLeaveScreen);
    sink_.drain(kDrainMs);
  }
}

void LiveView::print(std::string_view line) {
  if (stay_.size() + line.size() > kMaxStayBytes) {
    ++left_out_;
    return;
  }
  if (left_out_ > 0)
    stay_ += fmt::format("({} left out)\n", count_of(static_cast<int64_t>(left_out_), "line"));
  left_out_ = 0;
  stay_ += line;
  stay_ += '\n';
  if (terminal_.interactive) return;  // goes out with the next frame
  if (sink_.offer(stay_)) stay_.clear();
}

const Terminal& LiveView::terminal() {
  if (terminal_.interactive) update_window_size(fd_, terminal_);
  return terminal_;
}

std::vector<std::string> LiveView::fit(std::vector<std::string> area) const {
  if (room() > 0 && area.size() > room()) {
    size_t kept = room() - 1;
    std::string more = fmt::format("({} more)", count_of(static_cast<int64_t>(area.size() - kept), "line"));
    area.resize(kept);
    area.push_back(paint(more, Style::kFaint, terminal_.colour));
  }
  for (std::string& line : area) line = clip(line, terminal_.columns, terminal_.utf8);
  return area;
}

// How many rows the area takes now: in a window made narrower, terminals break its lines.
int LiveView::drawn_rows() const {
  int rows = 0;
  for (int columns : drawn_) {
    bool broken = terminal_.columns > 0 && columns > terminal_.columns;
    rows += broken ? (columns + terminal_.columns - 1) / terminal_.columns : 1;
  }
  return rows;
}

std::string LiveView::frame(const std::vector<std::string>& area) const {
  std::string text = full_screen_ ? "\x1b[H" : "\r";
  if (int rows = drawn_rows(); !full_screen_ && rows > 0) text += fmt::format("\x1b[{}A", rows);
  for (std::string_view line : split(stay_, '\n')) {
    if (line.data() + line.size() == stay_.data() + stay_.size()) break;  // what follows the last line end
    text += fmt::format("{}\x1b[K\n", line);
  }
  for (const std::string& line : area) text += fmt::format("{}\x1b[K\n", line);
  return text + "\x1b[J";
}

void LiveView::show(std::vector<std::string> area) {
  if (!terminal_.interactive) return;
  if (!sink_.flush()) return;  // it has not even taken the last frame
  terminal();
  area = fit(std::move(area));
  if (!sink_.offer(frame(area))) return;
  stay_.clear();
  drawn_.clear();
  for (const std::string& line : area) drawn_.push_back(columns_of(line));
}

std::string spinner(size_t step, bool utf8) {
  static constexpr std::array<std::string_view, 10> dots = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
  static constexpr std::array<std::string_view, 4> lines = {"|", "/", "-", "\\"};
  return std::string(utf8 ? dots[step % dots.size()] : lines[step % lines.size()]);
}

}  // namespace keyway::cli
