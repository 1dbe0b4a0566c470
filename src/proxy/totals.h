// What all workers together have counted. Values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proxy/stats.h"

namespace keyway::proxy {

struct HistogramTotal {
  std::array<uint64_t, Histogram::kBuckets> buckets{};
  uint64_t sum_us = 0;

  void add(const Histogram& histogram);
  uint64_t count() const;
};

using LatencyTotals = std::array<HistogramTotal, kCommandClasses>;

struct ServerTotal {
  LatencyTotals latency;
  uint64_t errors = 0;
  uint64_t redirections = 0;
  uint64_t lost = 0;
  uint64_t connections = 0;
  uint64_t in_flight = 0;
  uint64_t sent_bytes = 0;
  uint64_t received_bytes = 0;
};

LatencyTotals total_latency(const std::vector<const Stats*>& workers);

// By the servers' names.
std::map<std::string, ServerTotal> total_servers(const std::vector<const Stats*>& workers);

}  // namespace keyway::proxy
