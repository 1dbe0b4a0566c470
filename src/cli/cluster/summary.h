// The nodes of any cluster as the views show them. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "cluster/observed.h"

namespace keyway::cli {

struct NodeSummary {
  std::string id;
  Address address;
  bool primary = false;
  std::string primary_id;     // of a replica
  cluster::SlotRanges slots;  // by what all nodes know together
  int64_t keys = 0;
  int64_t memory_bytes = 0;
  std::string zone;
  std::string version;
  bool answers = false;
  std::string note;  // why it does not
  int replicas = 0;  // of a primary
};

// Primaries by their first slot, those without slots last; each followed by its replicas. Replicas of nobody
// come at the end.
std::vector<NodeSummary> summarize(const cluster::Observed& observed);

struct ClusterTotals {
  int primaries = 0;
  int replicas = 0;
  int slots = 0;
  int64_t keys = 0;  // on primaries
};

ClusterTotals totals(const std::vector<NodeSummary>& nodes);

// The summary of this id; null if there is none.
const NodeSummary* find_summary(const std::vector<NodeSummary>& nodes, std::string_view id);

// The beginning of an id, enough to tell it from others and to type.
std::string short_id(std::string_view id);

// "0-100,200,300-400", after `max_ranges` ranges " and 12 more".
std::string short_slots(const cluster::SlotRanges& slots, size_t max_ranges);

// 1234567 as "1,234,567".
std::string grouped(int64_t number);

}  // namespace keyway::cli
