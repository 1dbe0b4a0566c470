#include "cli/cluster/reporter.h"

#include <unistd.h>

#include <utility>

#include "base/format.h"
#include "cli/cluster/classic_views.h"
#include "cli/cluster/progress_view.h"
#include "cli/cluster/prompt.h"
#include "cli/progress.h"

namespace keyway::cli {

namespace {

constexpr int64_t kDrawEveryMs = 100;
constexpr int64_t kPrintEveryMs = 5000;

}  // namespace

ToolReporter::ToolReporter(Output& output, Spelling spelling, bool yes, std::string_view flags)
    : output_(output),
      spelling_(spelling),
      yes_(yes),
      flags_(flags),
      view_(STDERR_FILENO, output.err()),
      begin_ms_(steady_ms()),
      drawn_ms_(begin_ms_) {}

ToolReporter::~ToolReporter() { view_.clear(); }

// Below what is told, the progress stays.
void ToolReporter::tell(const std::string& line) {
  if (output_.json()) return;
  if (classic()) return say({line});
  view_.print(line);
  view_.show(area_);
}

void ToolReporter::note(std::string_view line) {
  notes_.emplace_back(line);
  tell(classic() ? classic_title(printable(line), output_.out()) : printable(line));
}

void ToolReporter::warn(std::string_view line) {
  warnings_.emplace_back(line);
  tell(classic() ? classic_warning(printable(line), output_.out())
                 : paint("! " + printable(line), Style::kWarning, output_.err().colour));
}

void ToolReporter::progress(const admin::Progress& progress) {
  if (output_.json()) return;
  int64_t now_ms = steady_ms();
  if (now_ms - drawn_ms_ < (output_.err().interactive ? kDrawEveryMs : kPrintEveryMs)) return;
  drawn_ms_ = now_ms;
  if (!output_.err().interactive) return view_.print(progress_line(progress));
  area_ = {
      progress_bar(progress, static_cast<size_t>((now_ms - begin_ms_) / kDrawEveryMs), view_.terminal())};
  view_.show(area_);
}

void ToolReporter::say(const Lines& lines) {
  if (output_.json()) return;
  // Both may be the same terminal.
  view_.clear();
  output_.print_lines(lines);
  view_.show(area_);
}

void ToolReporter::show(const Lines& lines) {
  area_.clear();
  if (!output_.json()) return say(lines);
  if (yes_ || !can_ask()) return;
  for (const std::string& line : lines) view_.print(line);
  view_.clear();
}

bool ToolReporter::can_ask() const { return classic() || isatty(STDIN_FILENO) == 1; }

std::optional<std::string> ToolReporter::ask(std::string_view question) {
  area_.clear();
  view_.clear();
  if (classic() && !output_.json()) {
    output_.print(question);
  } else if (write(STDERR_FILENO, question.data(), question.size()) < 0) {
    return std::nullopt;
  }
  std::optional<std::string> answer = read_answer();
  // Of what is piped in there is no echo.
  if (classic() && !output_.json() && isatty(STDIN_FILENO) != 1) output_.print("\n");
  return answer;
}

Result<bool> ToolReporter::confirm(std::string_view question) {
  std::string sentence = printable(question);
  if (!sentence.empty() && sentence[0] >= 'a' && sentence[0] <= 'z')
    sentence[0] = static_cast<char>(sentence[0] - 'a' + 'A');
  if (!can_ask()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} Nobody is here to answer; add {} if that is meant", sentence, flags_));
  }
  std::string text = fmt::format("{} {}", sentence, classic() ? "(type 'yes' to accept): " : "[y/N] ");
  if (!phrase_.empty()) text = std::exchange(phrase_, "");
  std::optional<std::string> answer = ask(text);
  refused_ = !answer || !means_yes(*answer);
  return !refused_;
}

}  // namespace keyway::cli
