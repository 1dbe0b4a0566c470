// A private folder for a server that lives for a moment: its data, configuration and log. It goes away with
// its object. What a run that was killed has left there (a folder, perhaps with a server in it) is removed by
// the next one. Linux (/proc). One thread.
#pragma once

#include <string>

#include "base/error.h"
#include "platform/local/lock.h"

namespace keyway::backup {

class TrialFolder {
 public:
  // Below `base`, which exists; empty: $TMPDIR, else /var/tmp. Errors say which folder and why.
  static Result<TrialFolder> make(const std::string& base);

  TrialFolder(TrialFolder&& other) noexcept;
  TrialFolder& operator=(TrialFolder&&) = delete;
  ~TrialFolder();

  const std::string& path() const { return path_; }  // absolute, without symbolic links
  // Of the server in it: the last word of its command line, by which the next run knows it again.
  std::string config_file() const { return path_ + "/server.conf"; }
  std::string data_file() const { return path_ + "/dump.rdb"; }
  std::string log_file() const { return path_ + "/server.log"; }

  // kExhausted: less than `size_bytes` are free there, and a margin.
  Status check_room(int64_t size_bytes) const;

 private:
  TrialFolder(std::string path, platform::local::FileLock lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;                // empty: moved away
  platform::local::FileLock lock_;  // while it is held, nobody else removes the folder
};

}  // namespace keyway::backup
