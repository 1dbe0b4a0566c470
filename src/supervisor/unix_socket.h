// Unix sockets at paths of any length. A socket address holds 107 bytes; a path by way of its folder's
// descriptor always fits.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "platform/local/files.h"

namespace keyway::supervisor {

// A socket's folder, held open, and the file's name in it. Movable; any thread.
class SocketPlace {
 public:
  // kNotFound: there is no such folder.
  static Result<SocketPlace> open(const std::string& path);

  // A socket that listens there, non-blocking, with mode 0600. Takes away what is at the path: call it only
  // while holding the cluster's lock, so that it can only be a dead process's.
  Result<platform::local::Fd> listen() const;

  // A socket connected to who listens there. kNotFound: nobody does. kTimeout: the one who does takes no one
  // in.
  Result<platform::local::Fd> connect(int64_t timeout_ms) const;

  void remove() const;

 private:
  SocketPlace(platform::local::Fd folder, std::string name, std::string path)
      : folder_(std::move(folder)), name_(std::move(name)), path_(std::move(path)) {}

  platform::local::Fd folder_;
  std::string name_;
  std::string path_;  // for messages
};

}  // namespace keyway::supervisor
