// Where a command's words go: results to standard output, progress and errors to standard error. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/terminal.h"

namespace keyway::cli {

// How a command ended that did not do what it should. Made from any Error; the exit code follows from it
// unless it is given.
struct Failure {
  Error error;
  int exit_code;

  Failure(Error cause);  // NOLINT(google-explicit-constructor): so that `return fail(error)` works
  Failure(Error cause, int code) : error(std::move(cause)), exit_code(code) {}
};

enum ExitCode : int {
  kExitDone = 0,
  kExitFailed = 1,
  kExitBadInput = 2,
  kExitNotThere = 3,  // no such cluster or node, or its supervisor does not run
  kExitTimeout = 4,
  kExitInterrupted = 130,
};

// The exit code of a command.
using Outcome = tl::expected<int, Failure>;

class Output {
 public:
  explicit Output(bool json);

  bool json() const { return json_; }
  const Terminal& out() const { return out_; }
  const Terminal& err() const { return err_; }

  // To standard output as it is. A reader that has gone away is no error.
  void print(std::string_view text);
  void print_lines(const std::vector<std::string>& lines);

  // "keyway: text" on standard error.
  void note(std::string_view text);

  // The error that ends the command, and with --json also as {"error": {"code", "message"}} on standard
  // output.
  void failure(const Error& error);

 private:
  bool json_;
  Terminal out_;
  Terminal err_;
};

}  // namespace keyway::cli
