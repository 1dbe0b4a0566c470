#include "cli/top_view.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "base/format.h"
#include "base/json_text.h"
#include "base/strings.h"
#include "cli/table.h"

namespace keyway::cli {

namespace {

constexpr double kUsInMs = 1000;
constexpr size_t kShownHot = 8;
constexpr size_t kShownBig = 5;
constexpr size_t kShownSlow = 5;

// How much a count has grown; it begins anew with the proxy.
uint64_t growth(uint64_t before, uint64_t after) { return after >= before ? after - before : after; }

RequestCounts between(const RequestCounts& before, const RequestCounts& after) {
  if (before.count > after.count || before.buckets.size() != after.buckets.size()) return after;
  RequestCounts counts{after.count - before.count, after.sum_us - before.sum_us, after.buckets};
  for (size_t i = 0; i < counts.buckets.size(); ++i)
    counts.buckets[i] = growth(before.buckets[i], after.buckets[i]);
  return counts;
}

// The time that so many of them took at most, in proportion within its bucket.
double quantile_ms(const RequestCounts& counts, double share) {
  double wanted = share * static_cast<double>(counts.count);
  double seen = 0;
  for (size_t i = 0; i < counts.buckets.size(); ++i) {
    auto here = static_cast<double>(counts.buckets[i]);
    if (here == 0 || seen + here < wanted) {
      seen += here;
      continue;
    }
    double from_us = i == 0 ? 0 : std::exp2(static_cast<double>(i) - 1);
    return (from_us + (std::exp2(static_cast<double>(i)) - from_us) * (wanted - seen) / here) / kUsInMs;
  }
  return 0;
}

RequestCounts all_classes(const CountsByClass& classes) {
  RequestCounts all;
  for (const RequestCounts& one : classes) {
    all.count += one.count;
    all.sum_us += one.sum_us;
    all.buckets.resize(std::max(all.buckets.size(), one.buckets.size()));
    for (size_t i = 0; i < one.buckets.size(); ++i) all.buckets[i] += one.buckets[i];
  }
  return all;
}

double seconds_between(const ProxySample& before, const ProxySample& after) {
  constexpr double kUsInSecond = 1e6;
  return std::max(0.001, static_cast<double>(after.clock_us - before.clock_us) / kUsInSecond);
}

double rate(uint64_t before, uint64_t after, double seconds) {
  return static_cast<double>(growth(before, after)) / seconds;
}

const UpstreamSample& upstream_in(const ProxySample& sample, const std::string& name) {
  static const UpstreamSample none;
  auto found = std::ranges::find(sample.upstreams, name, &UpstreamSample::name);
  return found == sample.upstreams.end() ? none : *found;
}

std::vector<SlowSample> slowest(const ProxySample& sample) {
  std::vector<SlowSample> slow = sample.slow;
  std::ranges::stable_sort(slow, std::ranges::greater{}, &SlowSample::took_us);
  return slow;
}

// "950", "12.3k", "1.24M": for people.
std::string shown_rate(double per_s) {
  if (per_s < 9999.5) return fmt::format("{:.0f}", per_s);
  return per_s < 999'950 ? fmt::format("{:.1f}k", per_s / 1e3) : fmt::format("{:.2f}M", per_s / 1e6);
}

std::string shown_ms(double ms) {
  return ms < 10 ? fmt::format("{:.2f} ms", ms) : human_duration(static_cast<int64_t>(ms));
}

std::string shown_bytes(double per_s) { return human_bytes(static_cast<int64_t>(per_s)) + "/s"; }

std::string shown_time(int64_t at_ms) {
  std::time_t at_s = at_ms / 1000;
  std::tm local{};
  localtime_r(&at_s, &local);
  return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

// What comes from elsewhere, so that it stays in its line.
std::string shown_text(std::string_view text) {
  std::string line = printable(text);
  std::ranges::replace(line, '\n', ' ');
  return line;
}

void add_lines(std::vector<std::string>& lines, const Table& table, const Terminal& terminal) {
  lines.emplace_back();
  for (std::string& line : table.render(terminal)) lines.push_back(std::move(line));
}

Table class_table(const ProxySample& before, const ProxySample& after, double seconds) {
  Table table({{"CLASS"}, {"REQ/S", true}, {"P50", true}, {"P99", true}});
  auto add = [&](const std::string& name, const RequestCounts& then, const RequestCounts& now) {
    Pace pace = pace_of(then, now, seconds);
    table.add(
        {{name, Style::kStrong}, {shown_rate(pace.per_s)}, {shown_ms(pace.p50_ms)}, {shown_ms(pace.p99_ms)}});
  };
  for (size_t i = 0; i < kRequestClasses.size(); ++i)
    add(kRequestClasses[i], before.requests[i], after.requests[i]);
  double own = rate(before.counter("own_answers"), after.counter("own_answers"), seconds);
  table.add({{"own answers"}, {shown_rate(own)}});
  return table;
}

Table upstream_table(const ProxySample& before, const ProxySample& after, double seconds) {
  Table table({{"UPSTREAM"},
               {"REQ/S", true},
               {"P50", true, 2},
               {"P99", true, 1},
               {"ERR/S", true, 3},
               {"REDIR/S", true, 6},
               {"IN FLIGHT", true, 4},
               {"CONNS", true, 5},
               {"TO", true, 7},
               {"FROM", true, 7}});
  for (const UpstreamSample& now : after.upstreams) {
    const UpstreamSample& then = upstream_in(before, now.name);
    Pace pace = pace_of(all_classes(then.requests), all_classes(now.requests), seconds);
    double errors = rate(then.errors, now.errors, seconds);
    table.add({{now.name, Style::kStrong},
               {shown_rate(pace.per_s)},
               {shown_ms(pace.p50_ms)},
               {shown_ms(pace.p99_ms)},
               {shown_rate(errors), errors > 0 ? Style::kWarning : Style::kPlain},
               {shown_rate(rate(then.redirections, now.redirections, seconds))},
               {std::to_string(now.in_flight)},
               {std::to_string(now.connections)},
               {shown_bytes(rate(then.sent_bytes, now.sent_bytes, seconds))},
               {shown_bytes(rate(then.received_bytes, now.received_bytes, seconds))}});
  }
  return table;
}

void add_keys(std::vector<std::string>& lines, const ProxySample& sample, const Terminal& terminal) {
  constexpr double kPercent = 100;
  if (!sample.hot.empty()) {
    Table table({{"SHARE", true}, {"HOT KEY"}});
    for (size_t i = 0; i < std::min(kShownHot, sample.hot.size()); ++i)
      table.add({{fmt::format("{:.1f}%", kPercent * sample.hot[i].share)}, {shown_text(sample.hot[i].key)}});
    add_lines(lines, table, terminal);
  }
  if (!sample.big.empty()) {
    Table table({{"SIZE", true}, {"COMMAND"}, {"BIG KEY"}});
    for (size_t i = 0; i < std::min(kShownBig, sample.big.size()); ++i) {
      const BigKeySample& big = sample.big[i];
      table.add({{human_bytes(static_cast<int64_t>(big.size_bytes))},
                 {shown_text(big.command)},
                 {shown_text(big.key)}});
    }
    add_lines(lines, table, terminal);
  }
}

void add_slow(std::vector<std::string>& lines, const ProxySample& sample, const Terminal& terminal) {
  std::vector<SlowSample> slow = slowest(sample);
  if (slow.empty()) return;
  Table table(
      {{"SLOWEST"}, {"TOOK", true}, {"COMMAND"}, {"UPSTREAM", false, 1}, {"CLIENT", false, 2}, {"KEY"}});
  for (size_t i = 0; i < std::min(kShownSlow, slow.size()); ++i) {
    table.add({{shown_time(slow[i].at_ms)},
               {shown_ms(static_cast<double>(slow[i].took_us) / kUsInMs)},
               {shown_text(slow[i].command)},
               {shown_text(slow[i].upstream)},
               {shown_text(slow[i].client)},
               {shown_text(slow[i].key)}});
  }
  add_lines(lines, table, terminal);
}

void number(JsonText& json, std::string_view name, uint64_t value) {
  json.number(name, static_cast<int64_t>(value));
}

void real(JsonText& json, std::string_view name, double value) {
  json.raw(name, fmt::format("{:.3f}", value));
}

void show_pace(JsonText& json, const Pace& pace) {
  real(json, "per_s", pace.per_s);
  real(json, "p50_ms", pace.p50_ms);
  real(json, "p99_ms", pace.p99_ms);
}

void show_classes(JsonText& json, const CountsByClass& before, const CountsByClass& after, double seconds) {
  json.open_object("requests");
  for (size_t i = 0; i < kRequestClasses.size(); ++i) {
    json.open_object(kRequestClasses[i]);
    show_pace(json, pace_of(before[i], after[i], seconds));
    json.close();
  }
  json.close();
}

void show_upstreams(JsonText& json, const ProxySample& before, const ProxySample& after, double seconds) {
  json.open_array("upstreams");
  for (const UpstreamSample& now : after.upstreams) {
    const UpstreamSample& then = upstream_in(before, now.name);
    json.open_object();
    json.text("upstream", now.name);
    show_classes(json, then.requests, now.requests, seconds);
    real(json, "errors_per_s", rate(then.errors, now.errors, seconds));
    real(json, "redirections_per_s", rate(then.redirections, now.redirections, seconds));
    real(json, "sent_bytes_per_s", rate(then.sent_bytes, now.sent_bytes, seconds));
    real(json, "received_bytes_per_s", rate(then.received_bytes, now.received_bytes, seconds));
    number(json, "in_flight", now.in_flight);
    number(json, "connections", now.connections);
    json.close();
  }
  json.close();
}

void show_keys(JsonText& json, const ProxySample& sample) {
  json.open_array("hot_keys");
  for (const HotKeySample& hot : sample.hot) {
    json.open_object();
    json.text("key", hot.key);
    json.raw("share", fmt::format("{:.6f}", hot.share));
    json.raw("error", fmt::format("{:.6f}", hot.error));
    json.close();
  }
  json.close();
  json.open_array("big_keys");
  for (const BigKeySample& big : sample.big) {
    json.open_object();
    json.text("key", big.key);
    json.text("command", big.command);
    number(json, "size_bytes", big.size_bytes);
    json.close();
  }
  json.close();
  json.open_array("slowest");
  for (const SlowSample& slow : slowest(sample)) {
    json.open_object();
    json.number("at_ms", slow.at_ms);
    number(json, "took_us", slow.took_us);
    json.text("command", slow.command);
    json.text("key", slow.key);
    json.text("upstream", slow.upstream);
    json.text("client", slow.client);
    json.close();
  }
  json.close();
}

}  // namespace

Pace pace_of(const RequestCounts& before, const RequestCounts& after, double seconds) {
  constexpr double kMedian = 0.5, kTail = 0.99;
  RequestCounts counts = between(before, after);
  return {static_cast<double>(counts.count) / seconds, quantile_ms(counts, kMedian),
          quantile_ms(counts, kTail)};
}

std::vector<std::string> top_lines(const ProxySample& before, const ProxySample& after,
                                   const Terminal& terminal) {
  double seconds = seconds_between(before, after);
  auto per_s = [&](const std::string& name) {
    return rate(before.counter(name), after.counter(name), seconds);
  };
  Pace pace = pace_of(all_classes(before.requests), all_classes(after.requests), seconds);
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{} requests/s   p50 {}   p99 {}   {}   {}   in {}   out {}",
                              paint(shown_rate(pace.per_s), Style::kStrong, terminal.colour),
                              shown_ms(pace.p50_ms), shown_ms(pace.p99_ms),
                              count_of(static_cast<int64_t>(after.counter("clients")), "client"),
                              count_of(static_cast<int64_t>(after.workers), "worker"),
                              shown_bytes(per_s("received_bytes")), shown_bytes(per_s("sent_bytes"))));
  lines.push_back(
      fmt::format("errors {}/s   redirections {}/s   waits {}/s   lost servers {}   refused clients {}",
                  shown_rate(per_s("errors")), shown_rate(per_s("redirections")), shown_rate(per_s("waits")),
                  after.counter("lost_servers"), after.counter("clients_refused")));
  add_lines(lines, class_table(before, after, seconds), terminal);
  add_lines(lines, upstream_table(before, after, seconds), terminal);
  add_keys(lines, after, terminal);
  add_slow(lines, after, terminal);
  return lines;
}

std::string top_json(const ProxySample& before, const ProxySample& after) {
  double seconds = seconds_between(before, after);
  JsonText json;
  json.open_object();
  real(json, "seconds", seconds);
  number(json, "workers", after.workers);
  number(json, "clients", after.counter("clients"));
  for (const char* name : {"errors", "redirections", "waits", "own_answers", "received_bytes", "sent_bytes"})
    real(json, fmt::format("{}_per_s", name), rate(before.counter(name), after.counter(name), seconds));
  show_classes(json, before.requests, after.requests, seconds);
  show_upstreams(json, before, after, seconds);
  show_keys(json, after);
  json.close();
  return json.take();
}

}  // namespace keyway::cli
