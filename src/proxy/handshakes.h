// The clients of a worker whose TLS handshake is under way, so that these can be bounded in number and time.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>

namespace keyway::proxy {

class Client;

class Handshakes {
 public:
  void begin(Client& client, int64_t now_ms) { waiting_.push_back({&client, now_ms}); }
  // It is done, or has failed, or the client is closed; any number of times.
  void end(const Client& client) {
    waiting_.remove_if([&](const Entry& entry) { return entry.client == &client; });
  }

  size_t count() const { return waiting_.size(); }
  // The first to begin, if that was before `time_ms`.
  Client* begun_before(int64_t time_ms) const {
    return waiting_.empty() || waiting_.front().begun_ms >= time_ms ? nullptr : waiting_.front().client;
  }

  // Writes down why one failed; of many in a short time only the first, and how many followed it.
  void log_failure(const std::string& client, const std::string& why, int64_t now_ms);

 private:
  struct Entry {
    Client* client = nullptr;
    int64_t begun_ms = 0;
  };

  std::list<Entry> waiting_;  // the oldest first
  int64_t logged_at_ms_ = 0;
  size_t not_logged_ = 0;
};

}  // namespace keyway::proxy
