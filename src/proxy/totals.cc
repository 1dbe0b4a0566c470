#include "proxy/totals.h"

#include <numeric>

namespace keyway::proxy {

namespace {

void add(LatencyTotals& totals, const Latencies& latencies) {
  for (size_t i = 0; i < kCommandClasses; ++i) totals[i].add(latencies[i]);
}

}  // namespace

void HistogramTotal::add(const Histogram& histogram) {
  for (size_t i = 0; i < buckets.size(); ++i) buckets[i] += histogram.buckets[i].read();
  sum_us += histogram.sum_us.read();
}

uint64_t HistogramTotal::count() const {
  return std::accumulate(buckets.begin(), buckets.end(), uint64_t{0});
}

LatencyTotals total_latency(const std::vector<const Stats*>& workers) {
  LatencyTotals totals;
  for (const Stats* stats : workers) add(totals, stats->latency);
  return totals;
}

std::map<std::string, ServerTotal> total_servers(const std::vector<const Stats*>& workers) {
  std::map<std::string, ServerTotal> totals;
  for (const Stats* stats : workers) {
    for (const auto& server : stats->servers.all()) {
      ServerTotal& total = totals[server->name];
      add(total.latency, server->latency);
      total.errors += server->errors.read();
      total.redirections += server->redirections.read();
      total.lost += server->lost.read();
      total.connections += server->connections.read();
      total.in_flight += server->in_flight.read();
      total.sent_bytes += server->sent_bytes.read();
      total.received_bytes += server->received_bytes.read();
    }
  }
  return totals;
}

}  // namespace keyway::proxy
