// Files as this room uses them: small, read whole, replaced whole. Any thread; callers see to it that one
// writes at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace keyway::platform::local {

// A file descriptor that closes itself. Movable; -1: none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release();
  void reset();

 private:
  int fd_ = -1;
};

// kDurable: on disk (file and folder) when replace_file returns. kVolatile: seen by every process at once,
// may be lost with the power; readers must get along without it.
enum class Durability { kDurable, kVolatile };

// Puts `text` in place of `path` (mode 0600) by way of a temporary file beside it: readers see the old or the
// new text, and after an error the old one stands. kExhausted: no space left. Does nothing if the file has
// this text already.
Status replace_file(const std::string& path, std::string_view text, Durability durability);

// kNotFound: no such file. kExhausted: larger than `max_size_bytes`. kDenied, kInternal: cannot be read.
Result<std::string> read_file(const std::string& path, size_t max_size_bytes = 16 << 20);

// The last part of a file, from `from_offset` or, if that is more than `max_size_bytes`, its end. Empty if it
// cannot be read.
std::string read_tail(const std::string& path, int64_t from_offset, size_t max_size_bytes);

bool file_exists(const std::string& path);
int64_t file_size(const std::string& path);  // 0: none

// fsync of a folder, so that renames in it last.
Status sync_folder(const std::string& folder);

// Deletes a folder and all in it; follows no symbolic links. OK if there is none.
Status delete_folder(const std::string& folder);

// kExhausted for errno values that mean no room (ENOSPC, EDQUOT, EMFILE, …), kDenied for missing permission,
// kNotFound, else kInternal. `what` is a clause: "write /home/…/state.json".
Error file_error(int error_number, std::string_view what);

}  // namespace keyway::platform::local
