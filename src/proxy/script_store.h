// The scripts that clients have lately brought by EVAL and SCRIPT LOAD, by the digests by which EVALSHA calls
// them. A server knows only those that it was given itself; from here it gets those that others were given.
// Bounded: the ones that were not used for longest go first. Shared by all workers; any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace keyway::proxy {

class ScriptStore {
 public:
  static constexpr size_t kMaxBytes = size_t{16} << 20;
  static constexpr size_t kMaxScriptBytes = size_t{1} << 20;  // longer ones are not kept

  explicit ScriptStore(size_t max_bytes = kMaxBytes) : max_bytes_(max_bytes) {}

  void keep(std::string_view script);
  // By its SHA1 in hexadecimal, of either case. Nothing: it is not here.
  std::optional<std::string> find(std::string_view digest);
  // SCRIPT FLUSH.
  void forget_all();

  // Each changes when some scripts are not here any more: because of new ones, because of forget_all().
  uint64_t evictions() const { return evictions_.load(std::memory_order_relaxed); }
  uint64_t flushes() const { return flushes_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    std::string digest;
    std::string script;
  };

  size_t max_bytes_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // the one used last comes first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_digest_;
  size_t size_bytes_ = 0;
  std::atomic<uint64_t> evictions_ = 0;
  std::atomic<uint64_t> flushes_ = 0;
};

}  // namespace keyway::proxy
