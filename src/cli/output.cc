#include "cli/output.h"

#include <unistd.h>

#include <cerrno>

#include "base/format.h"
#include "base/json_text.h"

namespace keyway::cli {

namespace {

int code_for(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return kExitBadInput;
    case ErrorCode::kNotFound:
      return kExitNotThere;
    case ErrorCode::kTimeout:
      return kExitTimeout;
    default:
      return kExitFailed;
  }
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

Failure::Failure(Error cause) : error(std::move(cause)), exit_code(code_for(error)) {}

Output::Output(bool json)
    : json_(json), out_(detect_terminal(STDOUT_FILENO)), err_(detect_terminal(STDERR_FILENO)) {}

void Output::print(std::string_view text) { write_all(STDOUT_FILENO, text); }

void Output::print_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  print(text);
}

void Output::note(std::string_view text) {
  write_all(STDERR_FILENO, fmt::format("keyway: {}\n", printable(text)));
}

void Output::failure(const Error& error) {
  note(error.message);
  if (!json_) return;
  JsonText json;
  json.open_object();
  json.open_object("error");
  json.text("code", to_string(error.code));
  json.text("message", error.message);
  json.close();
  json.close();
  print(json.take());
}

}  // namespace keyway::cli
