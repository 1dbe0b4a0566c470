#include "cli/cluster/prompt.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>

#include "base/strings.h"
#include "cli/cluster/interruption.h"

namespace keyway::cli {

namespace {

constexpr size_t kMaxAnswerBytes = 4096;

void tell(std::string_view text) {
  // A terminal that takes nothing shows no question, and the answer is waited for all the same.
  if (write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

// Echo is off while it lives.
class Unseen {
 public:
  Unseen() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;
  ~Unseen() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }

 private:
  termios before_{};
  bool changed_ = false;
};

// Waits until something can be read. False: interrupted, at whatever moment; so the signals come only while
// it waits.
bool wait_readable() {
  sigset_t interruptions;
  sigset_t before;
  sigemptyset(&interruptions);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&interruptions, signal);
  pthread_sigmask(SIG_BLOCK, &interruptions, &before);
  pollfd input{STDIN_FILENO, POLLIN, 0};
  int ready = Interruption::seen() ? -1 : ppoll(&input, 1, nullptr, &before);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return ready > 0;
}

}  // namespace

std::optional<std::string> read_answer() {
  std::string line;
  char byte = 0;
  while (line.size() < kMaxAnswerBytes) {
    if (!wait_readable()) return std::nullopt;
    ssize_t got = read(STDIN_FILENO, &byte, 1);
    if (got < 0 || (got == 0 && line.empty())) return std::nullopt;
    if (got == 0 || byte == '\n') return line;
    line += byte;
  }
  return std::nullopt;
}

bool means_yes(std::string_view answer) {
  std::string word = to_lower(trim(answer));
  return word == "y" || word == "yes";
}

Result<std::string> ask_password(std::string_view question) {
  std::optional<std::string> password;
  if (isatty(STDIN_FILENO) == 1) {
    Unseen unseen;
    tell(question);
    password = read_answer();
    tell("\n");
  } else {
    password = read_answer();
  }
  if (password && password->ends_with('\r')) password->pop_back();
  if (password && !password->empty()) return *password;
  return fail(ErrorCode::kInvalidArgument, "no password was given");
}

}  // namespace keyway::cli
