// Writes to a terminal, pipe or file without ever waiting for it: what it does not take now is kept, up to a
// bound, and offered again. So a stopped terminal (Ctrl-S) or a reader that sleeps cannot hold up the loop
// that keeps a cluster whole. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace keyway::cli {

class Sink {
 public:
  // `fd` stays the caller's and keeps its flags.
  explicit Sink(int fd, size_t max_pending_bytes = size_t{256} << 10);
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  ~Sink();

  // Takes all of `text` or, if too much is pending, nothing (false).
  bool offer(std::string_view text);

  // Writes what can be written now. True: nothing is pending.
  bool flush();

  // Writes for up to `timeout_ms`. True: nothing is pending.
  bool drain(int64_t timeout_ms);

 private:
  int fd_ = -1;
  bool own_ = false;  // fd_ was opened here
  bool socket_ = false;
  bool broken_ = false;  // the reader has gone away; all further text is thrown away
  size_t max_pending_bytes_;
  std::string pending_;
};

}  // namespace keyway::cli
