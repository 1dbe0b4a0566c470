#include "proxy/metrics.h"

#include <map>

#include "base/format.h"
#include "proxy/totals.h"

namespace keyway::proxy {

namespace {

constexpr std::string_view kPrefix = "keyway_proxy_";
constexpr std::string_view kSuffix = "_total";

constexpr auto kShown = std::to_array<ShownCounter>({
    {"keyway_proxy_own_answers_total", "counter", "Commands answered without a server", &Stats::own_answers},
    {"keyway_proxy_errors_total", "counter", "Error replies", &Stats::errors},
    {"keyway_proxy_redirections_total", "counter", "MOVED and ASK followed", &Stats::redirections},
    {"keyway_proxy_waits_total", "counter", "Times a request waited for its slot to be served",
     &Stats::waits},
    {"keyway_proxy_parked_total", "counter",
     "Requests that waited because too many were sent to their server", &Stats::parked},
    {"keyway_proxy_unknown_fates_total", "counter",
     "Requests that failed though they may have been carried out", &Stats::unknown_fates},
    {"keyway_proxy_lost_servers_total", "counter", "Connections to servers that broke", &Stats::lost_servers},
    {"keyway_proxy_clients", "gauge", "Clients connected", &Stats::clients},
    {"keyway_proxy_clients_accepted_total", "counter", "Clients accepted", &Stats::clients_accepted},
    {"keyway_proxy_clients_refused_total", "counter", "Clients refused: there were too many",
     &Stats::clients_refused},
    {"keyway_proxy_tls_handshakes_total", "counter", "TLS handshakes of clients that succeeded",
     &Stats::tls_handshakes},
    {"keyway_proxy_tls_failures_total", "counter", "TLS handshakes of clients that failed",
     &Stats::tls_failures},
    {"keyway_proxy_received_bytes_total", "counter", "Bytes from clients", &Stats::received_bytes},
    {"keyway_proxy_sent_bytes_total", "counter", "Bytes to clients", &Stats::sent_bytes},
    {"keyway_proxy_held_bytes", "gauge", "Memory for commands and replies on their way", &Stats::held_bytes},
});

struct ShownOfServer {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  uint64_t ServerTotal::* value;
};

constexpr auto kShownOfServer = std::to_array<ShownOfServer>({
    {"keyway_proxy_upstream_errors_total", "counter", "Error replies of the server, redirections too",
     &ServerTotal::errors},
    {"keyway_proxy_upstream_redirections_total", "counter", "MOVED and ASK of the server",
     &ServerTotal::redirections},
    {"keyway_proxy_upstream_lost_total", "counter", "Connections that broke under requests",
     &ServerTotal::lost},
    {"keyway_proxy_upstream_connections", "gauge", "Connections to the server", &ServerTotal::connections},
    {"keyway_proxy_upstream_in_flight", "gauge", "Requests that the server has not answered yet",
     &ServerTotal::in_flight},
    {"keyway_proxy_upstream_sent_bytes_total", "counter", "Bytes to the server", &ServerTotal::sent_bytes},
    {"keyway_proxy_upstream_received_bytes_total", "counter", "Bytes from the server",
     &ServerTotal::received_bytes},
});

void render_head(std::string_view name, std::string_view type, std::string_view help, std::string& text) {
  text += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

// `labels` without braces. Only each `step`th bound is shown.
void render_histogram(std::string_view name, const std::string& labels, const HistogramTotal& histogram,
                      size_t step, std::string& text) {
  constexpr double kUsInSecond = 1e6;
  uint64_t count = 0;
  for (size_t i = 0; i + 1 < Histogram::kBuckets; ++i) {
    count += histogram.buckets[i];
    if (i % step != 0) continue;
    text += fmt::format("{}_bucket{{{},le=\"{:.6f}\"}} {}\n", name, labels,
                        static_cast<double>(uint64_t{1} << i) / kUsInSecond, count);
  }
  count += histogram.buckets.back();
  text += fmt::format("{0}_bucket{{{1},le=\"+Inf\"}} {2}\n{0}_sum{{{1}}} {3:.6f}\n{0}_count{{{1}}} {2}\n",
                      name, labels, count, static_cast<double>(histogram.sum_us) / kUsInSecond);
}

void render_servers(const std::map<std::string, ServerTotal>& servers, std::string& text) {
  constexpr std::string_view kLatency = "keyway_proxy_upstream_seconds";
  constexpr size_t kStep = 2;
  render_head(kLatency, "histogram", "Time from when a request was given to a server to its reply", text);
  for (const auto& [name, total] : servers) {
    for (size_t i = 0; i < kCommandClasses; ++i) {
      std::string labels = fmt::format("upstream=\"{}\",class=\"{}\"", name, kClassNames[i]);
      render_histogram(kLatency, labels, total.latency[i], kStep, text);
    }
  }
  for (const ShownOfServer& shown : kShownOfServer) {
    render_head(shown.name, shown.type, shown.help, text);
    for (const auto& [name, total] : servers)
      text += fmt::format("{}{{upstream=\"{}\"}} {}\n", shown.name, name, total.*shown.value);
  }
}

}  // namespace

std::string_view ShownCounter::short_name() const {
  std::string_view rest = name.substr(kPrefix.size());
  return rest.ends_with(kSuffix) ? rest.substr(0, rest.size() - kSuffix.size()) : rest;
}

std::span<const ShownCounter> shown_counters() { return kShown; }

std::string render_metrics(const std::vector<const Stats*>& workers) {
  constexpr std::string_view kLatency = "keyway_proxy_request_seconds";
  std::string text;
  render_head(kLatency, "histogram", "Time from a command to its answer", text);
  LatencyTotals latency = total_latency(workers);
  for (size_t i = 0; i < kCommandClasses; ++i)
    render_histogram(kLatency, fmt::format("class=\"{}\"", kClassNames[i]), latency[i], 1, text);
  for (const ShownCounter& shown : kShown) {
    uint64_t sum = 0;
    for (const Stats* stats : workers) sum += (stats->*shown.counter).read();
    render_head(shown.name, shown.type, shown.help, text);
    text += fmt::format("{} {}\n", shown.name, sum);
  }
  render_servers(total_servers(workers), text);
  return text;
}

}  // namespace keyway::proxy
