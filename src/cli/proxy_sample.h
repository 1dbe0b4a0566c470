// What a running proxy says of itself at one moment, read from the JSON of its metrics address. Values.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"

namespace keyway::cli {

// Requests since the proxy's start; bucket i counts those that took less than 2^i microseconds and that no
// bucket before it counts.
struct RequestCounts {
  uint64_t count = 0;
  uint64_t sum_us = 0;
  std::vector<uint64_t> buckets;
};

inline constexpr std::array<const char*, 3> kRequestClasses = {"read", "write", "other"};
using CountsByClass = std::array<RequestCounts, kRequestClasses.size()>;

struct UpstreamSample {
  std::string name;
  uint64_t errors = 0;
  uint64_t redirections = 0;
  uint64_t lost = 0;
  uint64_t connections = 0;
  uint64_t in_flight = 0;
  uint64_t sent_bytes = 0;
  uint64_t received_bytes = 0;
  CountsByClass requests;
};

struct HotKeySample {
  std::string key;
  double share = 0;  // of all keys that come
  double error = 0;  // by which the share may be too high
};

struct BigKeySample {
  std::string key;
  std::string command;
  uint64_t size_bytes = 0;
};

struct SlowSample {
  int64_t at_ms = 0;
  uint64_t took_us = 0;
  std::string upstream;
  std::string client;
  std::string command;
  std::string key;
};

struct ProxySample {
  int64_t clock_us = 0;
  uint64_t workers = 0;
  std::map<std::string, uint64_t> counters;
  CountsByClass requests;
  std::vector<UpstreamSample> upstreams;
  std::vector<HotKeySample> hot;
  std::vector<BigKeySample> big;
  std::vector<SlowSample> slow;

  // 0 if the proxy has no such counter.
  uint64_t counter(const std::string& name) const {
    auto found = counters.find(name);
    return found == counters.end() ? 0 : found->second;
  }
};

// From the texts of /stats, /hotkeys and /slowlog. kCorrupt: one of them is not what it should be.
Result<ProxySample> read_sample(const std::string& stats, const std::string& keys, const std::string& slow);

}  // namespace keyway::cli
