// Writes keys to the target of a restore: batches go through a bounded queue to a few threads, each with
// connections of its own to every primary, so that reading, sending and the servers' work overlap. Made and
// used by one thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "admin/keyspace.h"
#include "admin/restore.h"

namespace keyway::admin {

// A key on its way.
struct RestoredKey {
  std::string key;
  std::string payload;        // as RESTORE takes it
  int64_t expires_at_ms = 0;  // 0: never
  std::optional<int64_t> idle_s;
  std::optional<int> frequency;
  // For messages:
  std::string_view type;  // constant
  std::string writer;     // "Redis 7.0"
};

struct WriterOptions {
  std::function<std::unique_ptr<engine::Servers>()> connect;
  Address seed;
  KeyspaceOptions keyspace;  // its database does not count
  bool replace = true;       // else keys that are there stay
  int threads = 4;
};

class RestoreWriter {
 public:
  explicit RestoreWriter(WriterOptions options);
  RestoreWriter(const RestoreWriter&) = delete;
  RestoreWriter& operator=(const RestoreWriter&) = delete;
  ~RestoreWriter();  // what was not written is left out

  // Takes a key for `database` of the target. May wait for up to kTurnMs; false: there is no room yet, call
  // again with the same key. Errors: that of any thread.
  Result<bool> add(int database, RestoredKey& key);
  // Waits for up to kTurnMs until all is written. True: it is.
  Result<bool> finish();

  static constexpr int64_t kTurnMs = 100;

  int64_t written() const { return written_; }
  int64_t lasting() const { return lasting_; }  // of them: keys that never expire
  int64_t present() const { return present_; }
  int64_t bytes() const { return bytes_; }

 private:
  struct Batch {
    int database = 0;
    int64_t bytes = 0;
    std::vector<RestoredKey> keys;
  };
  // The target, for one thread.
  struct Target {
    std::unique_ptr<engine::Servers> servers;
    std::optional<Keyspace> keys;
  };

  Result<bool> queue_batch();
  void run();
  std::optional<Batch> next();
  Result<Target> connect(int database) const;
  Status write(Target& target, const Batch& batch);
  void done(const Batch& batch, const Status& status);
  resp::Command restore_command(const RestoredKey& key) const;
  static Error refused(const Keyspace& target, const RestoredKey& key, const std::string& answer);

  WriterOptions options_;
  Batch filling_;

  std::mutex mutex_;  // of the following
  std::condition_variable changed_;
  std::deque<Batch> waiting_;
  size_t unfinished_ = 0;         // batches that wait or are being written
  int64_t unfinished_bytes_ = 0;  // in them
  bool closed_ = false;
  std::optional<Error> error_;

  std::atomic<int64_t> written_ = 0;
  std::atomic<int64_t> lasting_ = 0;
  std::atomic<int64_t> present_ = 0;
  std::atomic<int64_t> bytes_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace keyway::admin
