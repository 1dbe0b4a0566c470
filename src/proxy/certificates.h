// The certificates by which the proxy speaks TLS to its clients and to servers, and what keeps them fresh:
// when their files change, or somebody says so, they are read again, and new connections use what is new.
// Files that cannot be used leave the former ones in use. Outlived by the board; any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/tls.h"
#include "proxy/board.h"
#include "proxy/tls_settings.h"

namespace keyway::proxy {

class Certificates {
 public:
  // Nothing is read before load().
  Certificates(TlsSettings settings, Board& board);

  // Reads them and puts them on the board, for new connections. kInvalidArgument, with the file's name and
  // what is wrong with it: then nothing has changed. The first time it is the caller who tells; later it is
  // logged too.
  Status load();
  // The same by other settings, which hold from then on.
  Status load(const TlsSettings& settings);
  // Loads them if their files are other ones than the last time.
  void look();

  // For /metrics; empty without TLS.
  std::string metrics() const;

 private:
  // What tells one state of a file from the next.
  struct Stamp {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size_bytes = 0;
    int64_t changed_ns = 0;

    friend bool operator==(const Stamp&, const Stamp&) = default;
  };

  Status load_locked(const TlsSettings& settings);
  Status read(const TlsSettings& settings);
  static std::vector<Stamp> stamps(const TlsSettings& settings);

  mutable std::mutex mutex_;  // one load at a time
  TlsSettings settings_;
  Board& board_;
  std::vector<Stamp> stamps_;
  std::atomic<uint64_t> loads_ = 0;
  std::atomic<uint64_t> failures_ = 0;
};

}  // namespace keyway::proxy
