// What has happened to a cluster, from its flight records, as lines for people. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal.h"
#include "reconcile/flight_record.h"

namespace keyway::cli {

struct HistoryLine {
  int64_t at_ms = 0;  // wall clock
  std::string shard;  // empty: none in particular
  std::string text;
  Style style = Style::kPlain;
};

// Oldest first: nodes that changed, steps that were carried out or failed, problems when they came up. Slices
// of one move are one line. `shard`: of this one only; empty: of all.
std::vector<HistoryLine> history_lines(const std::vector<reconcile::FlightRecord>& records,
                                       std::string_view shard);

// "2026-11-22 10:00:00.123", in UTC.
std::string utc_text(int64_t wall_ms);

}  // namespace keyway::cli
