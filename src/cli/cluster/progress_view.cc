#include "cli/cluster/progress_view.h"

#include <algorithm>

#include "base/format.h"
#include "base/strings.h"
#include "cli/cluster/summary.h"
#include "cli/live.h"

namespace keyway::cli {

namespace {

constexpr int kBarColumns = 24;

std::string amount(int64_t value, const std::string& unit) {
  return unit == "bytes" ? human_bytes(value) : grouped(value);
}

// "1,213 of 3,276 slots"; of bytes "1.2 MiB of 3.1 MiB".
std::string done_text(const admin::Progress& progress, std::string_view of) {
  std::string text = amount(progress.done, progress.unit);
  if (progress.total >= 0) text += fmt::format("{}{}", of, amount(progress.total, progress.unit));
  return progress.unit.empty() || progress.unit == "bytes" ? text : fmt::format("{} {}", text, progress.unit);
}

std::vector<std::string> rates(const admin::Progress& progress) {
  std::vector<std::string> parts;
  if (progress.keys_per_s >= 0) parts.push_back(fmt::format("{} keys/s", grouped(progress.keys_per_s)));
  if (progress.bytes_per_s >= 0)
    parts.push_back(fmt::format("{:.1f} MB/s", static_cast<double>(progress.bytes_per_s) / 1e6));
  if (progress.left_ms >= 0) {
    // A whole number of seconds does not flicker.
    int64_t left_ms = progress.left_ms > 1000 ? progress.left_ms / 1000 * 1000 : progress.left_ms;
    parts.push_back(fmt::format("{} left", human_duration(left_ms)));
  }
  return parts;
}

// Of 0 to 1; nothing if the whole is not known.
std::optional<double> share_of(const admin::Progress& progress) {
  if (progress.total <= 0) return std::nullopt;
  return std::clamp(static_cast<double>(progress.done) / static_cast<double>(progress.total), 0.0, 1.0);
}

std::string bar(double share, const Terminal& terminal) {
  int filled = static_cast<int>(share * kBarColumns);
  std::string text;
  for (int i = 0; i < kBarColumns; ++i) {
    bool full = i < filled;
    text += terminal.utf8 ? (full ? "█" : "░") : (full ? "#" : ".");
  }
  return paint(text, Style::kGood, terminal.colour);
}

}  // namespace

std::string progress_bar(const admin::Progress& progress, size_t step, const Terminal& terminal) {
  std::string text = fmt::format("{} {}", spinner(step, terminal.utf8), printable(progress.what));
  if (std::optional<double> share = share_of(progress))
    text += fmt::format(" {} {:3.0f} %", bar(*share, terminal), *share * 100);
  text += "  " + done_text(progress, "/");
  for (const std::string& part : rates(progress)) text += "  " + part;
  return text;
}

std::string progress_line(const admin::Progress& progress) {
  std::string text = fmt::format("{}: {}", printable(progress.what), done_text(progress, " of "));
  if (std::optional<double> share = share_of(progress)) text += fmt::format(" ({:.0f} %)", *share * 100);
  for (const std::string& part : rates(progress)) text += ", " + part;
  return text;
}

}  // namespace keyway::cli
