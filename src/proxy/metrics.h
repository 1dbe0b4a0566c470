// The proxy's counts as Prometheus reads them (text format 0.0.4). Pure; any thread.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/stats.h"

namespace keyway::proxy {

// A count of the whole proxy.
struct ShownCounter {
  std::string_view name;  // "keyway_proxy_errors_total"
  std::string_view type;  // "counter", "gauge"
  std::string_view help;
  Counter Stats::* counter;

  // "errors"
  std::string_view short_name() const;
};

std::span<const ShownCounter> shown_counters();

inline constexpr std::array<std::string_view, kCommandClasses> kClassNames = {"read", "write", "other"};

// Of all workers together.
std::string render_metrics(const std::vector<const Stats*>& workers);

}  // namespace keyway::proxy
