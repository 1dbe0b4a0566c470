#include "cli/progress.h"

#include <unistd.h>

#include <chrono>
#include <ctime>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::cli {

namespace {

constexpr int64_t kSpinnerStepMs = 100;

std::string clock_text(int64_t wall_ms) {
  std::time_t seconds = wall_ms / 1000;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return fmt::format("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace

int64_t steady_ms() {
  auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

std::string event_line(const supervisor::Event& event, const Terminal& terminal) {
  Style style = event.level == "error"     ? Style::kBad
                : event.level == "warning" ? Style::kWarning
                                           : Style::kPlain;
  std::string shard = event.shard.empty() ? "" : event.shard + "  ";
  return fmt::format("{}  {}{}", paint(clock_text(event.wall_ms), Style::kFaint, terminal.colour), shard,
                     paint(printable(event.text), style, terminal.colour));
}

Progress::Progress(const Output& output)
    : silent_(output.json()), view_(STDERR_FILENO, output.err()), begin_ms_(steady_ms()) {}

Progress::~Progress() {
  if (!silent_) view_.clear();
}

void Progress::event(const supervisor::Event& event) {
  if (!silent_) view_.print(event_line(event, view_.terminal()));
}

void Progress::line(std::string_view text) {
  if (!silent_) view_.print(text);
}

void Progress::working(std::string_view what) {
  if (silent_) return;
  int64_t elapsed_ms = steady_ms() - begin_ms_;
  step_ = static_cast<size_t>(elapsed_ms / kSpinnerStepMs);
  bool utf8 = view_.terminal().utf8;
  view_.show(
      {fmt::format("{} {} {}", spinner(step_, utf8), printable(what),
                   paint(human_duration(elapsed_ms / 100 * 100), Style::kFaint, view_.terminal().colour))});
}

}  // namespace keyway::cli
