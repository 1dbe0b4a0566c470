// The person, or the script, to whom a command of the cluster tool reports: notes, warnings, progress and
// questions. Keyway's own style tells them on standard error; the spellings of redis-cli and redis-trib tell
// all but progress on standard output, as those do. With JSON nothing is told; what was said is kept for the
// output. Main thread only.
#pragma once

#include <string>
#include <vector>

#include "admin/session.h"
#include "cli/cluster/request.h"
#include "cli/cluster/views.h"
#include "cli/live.h"
#include "cli/output.h"

namespace keyway::cli {

class ToolReporter : public admin::Reporter {
 public:
  // `output` outlives it. `flags` are those that answer the command's questions.
  ToolReporter(Output& output, Spelling spelling, bool yes, std::string_view flags = "--yes");
  ToolReporter(const ToolReporter&) = delete;
  ToolReporter& operator=(const ToolReporter&) = delete;
  ~ToolReporter() override;  // removes the progress

  void note(std::string_view line) override;
  void warn(std::string_view line) override;
  void progress(const admin::Progress& progress) override;
  Result<bool> confirm(std::string_view question) override;

  // Results, to standard output; nothing with JSON.
  void say(const Lines& lines);
  // What a question is about: as `say`, but somebody who asked for JSON and will be asked sees it too.
  void show(const Lines& lines);
  // Puts a question that is answered by a line. Nothing if nobody answers.
  std::optional<std::string> ask(std::string_view question);

  // The words in which the next question is put, for programs that wait for them.
  void phrase(std::string_view question) { phrase_ = question; }

  // Whether a question was answered by no.
  bool refused() const { return refused_; }
  const std::vector<std::string>& notes() const { return notes_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  bool classic() const { return spelling_ != Spelling::kOwn; }
  // Somebody is there to answer: at a terminal, or in the old spellings whatever is piped in.
  bool can_ask() const;
  void tell(const std::string& line);
  void draw();

  Output& output_;
  Spelling spelling_;
  bool yes_;
  std::string flags_;
  bool refused_ = false;
  std::string phrase_;
  std::vector<std::string> notes_;
  std::vector<std::string> warnings_;
  LiveView view_;
  std::vector<std::string> area_;
  admin::Progress last_;
  int64_t begin_ms_;
  int64_t drawn_ms_;  // when progress was told last
};

}  // namespace keyway::cli
