#include "cli/document.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/format.h"

namespace keyway::cli {

namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;

}  // namespace

Result<std::string> read_document(std::string_view flag, const std::string& file) {
  auto refuse = [&](std::string_view what) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {} {}", flag, file, what));
  };
  int fd = file == "-" ? STDIN_FILENO : open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return refuse(fmt::format("cannot be read: {}", errno_text(errno)));
  std::string text;
  std::array<char, 16384> buffer{};
  ssize_t size = 0;
  do {
    size = read(fd, buffer.data(), buffer.size());
    if (size > 0) text.append(buffer.data(), static_cast<size_t>(size));
  } while (size > 0 && text.size() <= kMaxBytes);
  int error_number = errno;
  if (fd != STDIN_FILENO) close(fd);
  if (size < 0) return refuse(fmt::format("cannot be read: {}", errno_text(error_number)));
  if (text.size() > kMaxBytes) return refuse("is larger than 1 MiB; is it the right file?");
  return text;
}

}  // namespace keyway::cli
