// What render_metrics writes is read back as Prometheus reads it.
#include "proxy/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

#include "base/strings.h"

namespace keyway::proxy {
namespace {

using testing::Contains;
using testing::Key;

struct Family {
  std::string type;
  std::map<std::string, double> samples;  // by name and labels, as they are written
};

// The text format 0.0.4: each family is announced by HELP and TYPE, its samples follow at once, none twice.
class Exposition {
 public:
  explicit Exposition(const std::string& text) {
    EXPECT_TRUE(text.ends_with('\n'));
    for (std::string_view line : split(text, '\n')) {
      if (!line.empty()) take(std::string(line));
    }
  }

  std::map<std::string, Family> families;

 private:
  void take(const std::string& line) {
    static const std::regex head(R"(# (HELP|TYPE) ([a-z_]+) (.+))");
    static const std::regex sample(
        R"(([a-z_]+)((?:\{[a-z]+="[^"\\]*"(?:,[a-z]+="[^"\\]*")*\})?) ([0-9.e+-]+))");
    std::smatch parts;
    if (std::regex_match(line, parts, head)) {
      if (parts[1] == "HELP") {
        name_ = parts[2];
        EXPECT_FALSE(families.contains(name_)) << name_ << " is announced twice";
        families[name_];
      } else {
        EXPECT_EQ(parts[2], name_);
        EXPECT_THAT((std::set<std::string>{"counter", "gauge", "histogram"}), Contains(parts[3].str()));
        families[name_].type = parts[3];
      }
      return;
    }
    ASSERT_TRUE(std::regex_match(line, parts, sample)) << line;
    Family& family = families[name_];
    ASSERT_FALSE(family.type.empty()) << line;
    std::string end = parts[1].str().substr(std::min(name_.size(), parts[1].str().size()));
    std::set<std::string> ends = family.type == "histogram"
                                     ? std::set<std::string>{"_bucket", "_sum", "_count"}
                                     : std::set<std::string>{""};
    EXPECT_TRUE(parts[1].str().starts_with(name_) && ends.contains(end)) << line << " is not of " << name_;
    if (family.type == "counter") {
      EXPECT_TRUE(name_.ends_with("_total")) << name_;
    }
    bool is_new = family.samples.emplace(parts[1].str() + parts[2].str(), std::stod(parts[3])).second;
    EXPECT_TRUE(is_new) << line << " is there twice";
  }

  std::string name_;
};

// Buckets grow up to +Inf, which is the count.
void check_histogram(const std::string& name, const std::string& labels, const Family& family) {
  std::map<double, double> buckets;
  for (const auto& [sample, value] : family.samples) {
    std::string before = name + "_bucket{" + labels + ",le=\"";
    if (!sample.starts_with(before)) continue;
    std::string bound = sample.substr(before.size(), sample.size() - before.size() - 2);
    buckets[bound == "+Inf" ? 1e300 : std::stod(bound)] = value;
  }
  ASSERT_GT(buckets.size(), 5U) << name << labels;
  double last = 0;
  for (const auto& [bound, value] : buckets) {
    EXPECT_GE(value, last) << name << labels << bound;
    last = value;
  }
  EXPECT_EQ(last, family.samples.at(name + "_count{" + labels + "}"));
  EXPECT_THAT(family.samples, Contains(Key(name + "_sum{" + labels + "}")));
}

TEST(Metrics, AreWhatPrometheusReads) {
  Stats first;
  Stats second;
  first.errors.add(3);
  second.errors.add(4);
  for (uint64_t us : {0U, 1U, 5U, 70U, 1000U, 2'000'000U}) {
    first.latency[0].add(us);
    second.servers.of("10.0.0.1:7001")->latency[1].add(us);
    first.servers.of("10.0.0.1:7001")->latency[1].add(us);
  }
  first.servers.of("[::1]:7002")->in_flight.set(5);
  Exposition read(render_metrics({&first, &second}));
  EXPECT_EQ(read.families.at("keyway_proxy_errors_total").samples.at("keyway_proxy_errors_total"), 7);
  const Family& requests = read.families.at("keyway_proxy_request_seconds");
  for (const char* kind : {"read", "write", "other"})
    check_histogram("keyway_proxy_request_seconds", std::string("class=\"") + kind + "\"", requests);
  const Family& servers = read.families.at("keyway_proxy_upstream_seconds");
  check_histogram("keyway_proxy_upstream_seconds", R"(upstream="10.0.0.1:7001",class="write")", servers);
  EXPECT_EQ(
      servers.samples.at(R"(keyway_proxy_upstream_seconds_count{upstream="10.0.0.1:7001",class="write"})"),
      12);
  EXPECT_NEAR(
      servers.samples.at(R"(keyway_proxy_upstream_seconds_sum{upstream="10.0.0.1:7001",class="write"})"),
      2 * 2.001076, 1e-6);
  EXPECT_EQ(read.families.at("keyway_proxy_upstream_in_flight")
                .samples.at(R"(keyway_proxy_upstream_in_flight{upstream="[::1]:7002"})"),
            5);
}

TEST(Metrics, ShortNames) {
  std::set<std::string_view> names;
  for (const ShownCounter& shown : shown_counters()) names.insert(shown.short_name());
  EXPECT_EQ(names.size(), shown_counters().size());
  EXPECT_TRUE(names.contains("errors"));
  EXPECT_TRUE(names.contains("clients"));
}

}  // namespace
}  // namespace keyway::proxy
