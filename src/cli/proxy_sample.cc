#include "cli/proxy_sample.h"

#include <nlohmann/json.hpp>

#include "base/format.h"

namespace keyway::cli {

namespace {

using Json = nlohmann::json;

// They throw what nlohmann throws where a field is missing or of another type.
CountsByClass read_counts(const Json& json) {
  CountsByClass counts;
  for (size_t i = 0; i < counts.size(); ++i) {
    const Json& one = json.at(kRequestClasses[i]);
    counts[i].count = one.at("count").get<uint64_t>();
    counts[i].sum_us = one.at("sum_us").get<uint64_t>();
    counts[i].buckets = one.at("buckets").get<std::vector<uint64_t>>();
  }
  return counts;
}

UpstreamSample read_upstream(const Json& json) {
  UpstreamSample upstream;
  upstream.name = json.at("upstream").get<std::string>();
  upstream.errors = json.at("errors").get<uint64_t>();
  upstream.redirections = json.at("redirections").get<uint64_t>();
  upstream.lost = json.at("lost").get<uint64_t>();
  upstream.connections = json.at("connections").get<uint64_t>();
  upstream.in_flight = json.at("in_flight").get<uint64_t>();
  upstream.sent_bytes = json.at("sent_bytes").get<uint64_t>();
  upstream.received_bytes = json.at("received_bytes").get<uint64_t>();
  upstream.requests = read_counts(json.at("requests"));
  return upstream;
}

void read_stats(const Json& json, ProxySample& sample) {
  sample.clock_us = json.at("clock_us").get<int64_t>();
  sample.workers = json.at("workers").get<uint64_t>();
  sample.counters = json.at("counters").get<std::map<std::string, uint64_t>>();
  sample.requests = read_counts(json.at("requests"));
  for (const Json& one : json.at("upstreams")) sample.upstreams.push_back(read_upstream(one));
}

void read_keys(const Json& json, ProxySample& sample) {
  for (const Json& one : json.at("hot")) {
    sample.hot.push_back(
        {one.at("key").get<std::string>(), one.at("share").get<double>(), one.at("error").get<double>()});
  }
  for (const Json& one : json.at("big")) {
    sample.big.push_back({one.at("key").get<std::string>(), one.at("command").get<std::string>(),
                          one.at("size_bytes").get<uint64_t>()});
  }
}

void read_slow(const Json& json, ProxySample& sample) {
  for (const Json& one : json.at("slow")) {
    sample.slow.push_back({one.at("at_ms").get<int64_t>(), one.at("took_us").get<uint64_t>(),
                           one.at("upstream").get<std::string>(), one.at("client").get<std::string>(),
                           one.at("command").get<std::string>(), one.at("key").get<std::string>()});
  }
}

}  // namespace

Result<ProxySample> read_sample(const std::string& stats, const std::string& keys, const std::string& slow) {
  ProxySample sample;
  try {
    read_stats(Json::parse(stats), sample);
    read_keys(Json::parse(keys), sample);
    read_slow(Json::parse(slow), sample);
  } catch (const Json::exception& problem) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("what it answers is not of a proxy of this version ({})", problem.what()));
  }
  return sample;
}

}  // namespace keyway::cli
