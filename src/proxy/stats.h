// What a worker counts. Written by its thread, read by whoever shows it: so each counter is atomic, though
// none needs more than a plain store.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "proxy/traffic.h"
#include "resp/command_spec.h"

namespace keyway::proxy {

class Counter {
 public:
  void add(uint64_t count = 1) { set(read() + count); }
  void subtract(uint64_t count = 1) { set(read() - count); }
  void set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

// How long things took: bucket i counts those of less than 2^i microseconds that no bucket before it counts.
struct Histogram {
  static constexpr size_t kBuckets = 26;  // up to half a minute; the last one has no bound

  void add(uint64_t us) {
    buckets[std::min<size_t>(static_cast<size_t>(std::bit_width(us)), kBuckets - 1)].add();
    sum_us.add(us);
  }

  std::array<Counter, kBuckets> buckets;
  Counter sum_us;
};

enum class CommandClass : uint8_t { kRead, kWrite, kOther };
inline constexpr size_t kCommandClasses = 3;

inline CommandClass class_of(const resp::CommandSpec& spec) {
  if (spec.has(resp::command_flag::kReadOnly)) return CommandClass::kRead;
  return spec.has(resp::command_flag::kWrite) ? CommandClass::kWrite : CommandClass::kOther;
}

using Latencies = std::array<Histogram, kCommandClasses>;

// What a worker counts of one server, over all its connections to it.
struct ServerStats {
  explicit ServerStats(std::string shown_name) : name(std::move(shown_name)) {}

  const std::string name;  // "10.0.0.1:7001"
  Latencies latency;       // from when a request was given to the connection to its reply
  Counter errors;          // error replies, redirections too
  Counter redirections;    // MOVED and ASK
  Counter lost;            // connections that broke while requests were on their way
  Counter connections;     // open now
  Counter in_flight;       // requests that are not answered yet
  Counter sent_bytes;
  Counter received_bytes;
};

// A worker's servers. Entries live while a connection does, and kKeepMs longer; so that there are never many,
// whatever nodes come and go.
class ServerTable {
 public:
  static constexpr int64_t kKeepMs = 600'000;
  static constexpr size_t kMaxServers = 1000;  // those beyond share one entry

  // For a new connection.
  std::shared_ptr<ServerStats> of(const std::string& name);
  // Called now and then: drops those that have had no connection for kKeepMs.
  void drop_gone(int64_t now_ms);
  // Any thread.
  std::vector<std::shared_ptr<const ServerStats>> all() const;

 private:
  struct Entry {
    std::shared_ptr<ServerStats> stats;
    int64_t unused_since_ms = 0;  // 0: it is used
  };

  mutable std::mutex mutex_;  // of the map; what is in the entries is atomic
  std::map<std::string, Entry> entries_;
};

struct Stats {
  Latencies latency;      // of requests that servers answered
  Counter own_answers;    // commands that needed no server
  Counter errors;         // error replies
  Counter redirections;   // MOVED and ASK that were followed
  Counter waits;          // times that a request had to wait for its slot
  Counter parked;         // requests that had to wait because their server had too many
  Counter unknown_fates;  // requests that failed though they may have been carried out
  Counter lost_servers;   // connections to servers that broke
  Counter clients;        // connected now
  Counter clients_accepted;
  Counter clients_refused;
  Counter tls_handshakes;  // of clients, that succeeded
  Counter tls_failures;    // of clients: handshakes that did not
  Counter received_bytes;  // from clients
  Counter sent_bytes;      // to clients
  Counter held_bytes;      // memory for commands and replies on their way, now
  ServerTable servers;
  Traffic traffic;
};

}  // namespace keyway::proxy
