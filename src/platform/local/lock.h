// Locks between processes on a file (fcntl, open file descriptions): released by the kernel when the holder
// ends, however it ends. Movable values; any thread.
#pragma once

#include <string>

#include "base/error.h"
#include "platform/local/files.h"

namespace keyway::platform::local {

class FileLock {
 public:
  // Takes the lock and writes this process's pid into the file; does not wait. kConflict: held; the message
  // names the pid.
  static Result<FileLock> take(const std::string& path);

  // The same, but waits for the holder for up to `timeout_ms`.
  static Result<FileLock> take_within(const std::string& path, int64_t timeout_ms);

  // The pid of the process that holds the lock; 0: no one does, or there is no such file.
  static int holder(const std::string& path);

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace keyway::platform::local
