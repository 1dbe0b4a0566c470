#include "proxy/report.h"

#include <algorithm>
#include <functional>
#include <map>

#include "base/format.h"
#include "base/json_text.h"
#include "proxy/metrics.h"
#include "proxy/totals.h"

namespace keyway::proxy {

namespace {

constexpr size_t kShownKeys = 32;

void number(JsonText& json, std::string_view name, uint64_t value) {
  json.number(name, static_cast<int64_t>(value));
}

void show_latency(JsonText& json, const LatencyTotals& totals) {
  json.open_object("requests");
  for (size_t i = 0; i < kCommandClasses; ++i) {
    json.open_object(kClassNames[i]);
    number(json, "count", totals[i].count());
    number(json, "sum_us", totals[i].sum_us);
    json.open_array("buckets");
    for (uint64_t bucket : totals[i].buckets) number(json, "", bucket);
    json.close();
    json.close();
  }
  json.close();
}

void show_server(JsonText& json, const std::string& name, const ServerTotal& total) {
  json.open_object();
  json.text("upstream", name);
  number(json, "errors", total.errors);
  number(json, "redirections", total.redirections);
  number(json, "lost", total.lost);
  number(json, "connections", total.connections);
  number(json, "in_flight", total.in_flight);
  number(json, "sent_bytes", total.sent_bytes);
  number(json, "received_bytes", total.received_bytes);
  show_latency(json, total.latency);
  json.close();
}

void show_hot(JsonText& json, const std::vector<Traffic::Keys>& keys) {
  std::map<uint64_t, HeavyHitters::Hit> by_hash;
  double total = 0;
  for (const Traffic::Keys& one : keys) {
    total += one.hot.total();
    for (const HeavyHitters::Hit& hit : one.hot.hits()) {
      auto [entry, is_new] = by_hash.try_emplace(hit.hash, hit);
      if (is_new) continue;
      entry->second.count += hit.count;
      entry->second.error += hit.error;
    }
  }
  std::vector<HeavyHitters::Hit> hits;
  for (const auto& [hash, hit] : by_hash) {
    if (hit.error <= hit.count / 2) hits.push_back(hit);  // else it may be as good as nothing
  }
  std::ranges::sort(hits, std::ranges::greater{}, &HeavyHitters::Hit::count);
  hits.resize(std::min(hits.size(), kShownKeys));
  json.open_array("hot");
  for (const HeavyHitters::Hit& hit : hits) {
    json.open_object();
    json.text("key", hit.key.shown());
    json.raw("share", fmt::format("{:.6f}", hit.count / total));
    json.raw("error", fmt::format("{:.6f}", hit.error / total));
    json.close();
  }
  json.close();
}

void show_big(JsonText& json, const std::vector<Traffic::Keys>& keys) {
  std::map<uint64_t, BigKeys::Big> by_hash;
  for (const Traffic::Keys& one : keys) {
    for (const BigKeys::Big& big : one.big.keys()) {
      auto [entry, is_new] = by_hash.try_emplace(big.hash, big);
      if (!is_new && entry->second.size_bytes < big.size_bytes) entry->second = big;
    }
  }
  std::vector<BigKeys::Big> all;
  for (const auto& [hash, big] : by_hash) all.push_back(big);
  std::ranges::sort(all, std::ranges::greater{}, &BigKeys::Big::size_bytes);
  all.resize(std::min(all.size(), kShownKeys));
  json.open_array("big");
  for (const BigKeys::Big& big : all) {
    json.open_object();
    json.text("key", big.key.shown());
    number(json, "size_bytes", big.size_bytes);
    json.text("command", big.command);
    json.close();
  }
  json.close();
}

}  // namespace

std::string report_stats(const std::vector<const Stats*>& workers, int64_t clock_us) {
  JsonText json;
  json.open_object();
  json.number("clock_us", clock_us);
  number(json, "workers", workers.size());
  json.open_object("counters");
  for (const ShownCounter& shown : shown_counters()) {
    uint64_t sum = 0;
    for (const Stats* stats : workers) sum += (stats->*shown.counter).read();
    number(json, shown.short_name(), sum);
  }
  json.close();
  show_latency(json, total_latency(workers));
  json.open_array("upstreams");
  for (const auto& [name, total] : total_servers(workers)) show_server(json, name, total);
  json.close();
  json.close();
  return json.take();
}

std::string report_slow(const std::vector<const Stats*>& workers) {
  std::vector<SlowRequest> all;
  for (const Stats* stats : workers) {
    std::vector<SlowRequest> some = stats->traffic.slow_log().entries();
    all.insert(all.end(), some.begin(), some.end());
  }
  std::ranges::stable_sort(all, std::ranges::greater{}, &SlowRequest::at_ms);
  JsonText json;
  json.open_object();
  json.open_array("slow");
  for (const SlowRequest& slow : all) {
    json.open_object();
    json.number("at_ms", slow.at_ms);
    number(json, "took_us", slow.took_us);
    json.text("upstream", slow.server);
    json.text("client", slow.client);
    json.text("command", slow.command);
    json.text("key", slow.key.shown());
    json.close();
  }
  json.close();
  json.close();
  return json.take();
}

std::string report_keys(const std::vector<const Stats*>& workers) {
  std::vector<Traffic::Keys> keys;
  for (const Stats* stats : workers) keys.push_back(stats->traffic.keys());
  JsonText json;
  json.open_object();
  json.number("sample_each", Traffic::kSampleEach);
  show_hot(json, keys);
  show_big(json, keys);
  json.close();
  return json.take();
}

}  // namespace keyway::proxy
