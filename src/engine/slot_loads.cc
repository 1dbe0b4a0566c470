#include "engine/slot_loads.h"

#include <algorithm>
#include <array>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/ownership.h"
#include "engine/refusal.h"
#include "engine/server_version.h"

namespace keyway::engine {

namespace {

using cluster::KnownNode;
using cluster::SlotRange;
using resp::Command;
using resp::Reply;
using resp::ReplyType;

// -1: not told.
struct SlotFigures {
  int64_t keys = -1;
  int64_t memory_bytes = -1;
  int64_t cpu_us = -1;
  int64_t network_bytes = -1;
};

// One primary with its slots and what it says of them.
struct Primary {
  const KnownNode* known = nullptr;
  bool has_stats = false;  // knows CLUSTER SLOT-STATS, as far as its version tells
  int64_t dataset_bytes = 0;
  std::vector<SlotFigures> figures;  // in the order of its slots

  const Address& address() const { return known->facts->address; }
  const cluster::SlotRanges& slots() const { return known->view.slots; }
};

template <typename Visit>
void each_slot(const cluster::SlotRanges& ranges, Visit visit) {
  size_t index = 0;
  for (const SlotRange& range : ranges) {
    for (size_t slot = range.first; slot <= range.last; ++slot) visit(slot, index++);
  }
}

bool version_has_stats(const cluster::ServerFacts& server) {
  bool valkey = server.engine == cluster::EngineKind::kValkey;
  return version_of(server) >= (valkey ? Version{8, 0, 0} : Version{8, 2, 0});
}

Result<std::vector<Primary>> primaries_with_slots(const cluster::Knowledge& knowledge) {
  std::vector<Primary> primaries;
  for (const auto& [id, known] : knowledge.nodes()) {
    if (!known.view.primary || known.view.slots.empty()) continue;
    if (known.facts == nullptr || !known.facts->answering()) {
      return fail(
          ErrorCode::kUnavailable,
          fmt::format("{} ({}) does not answer, so the load of its {} is not known", id,
                      to_string(known.view.address), count_of(cluster::count(known.view.slots), "slot")));
    }
    Primary& primary = primaries.emplace_back();
    primary.known = &known;
    primary.has_stats = version_has_stats(known.facts->server);
    primary.figures.resize(static_cast<size_t>(cluster::count(known.view.slots)));
  }
  return primaries;
}

Request questions_for(const Primary& primary) {
  Request request{primary.address(), {{"INFO", "memory"}}};
  if (primary.has_stats) {
    for (const SlotRange& range : primary.slots()) {
      request.commands.push_back(
          {"CLUSTER", "SLOT-STATS", "SLOTSRANGE", std::to_string(range.first), std::to_string(range.last)});
    }
  } else {
    each_slot(primary.slots(), [&](size_t slot, size_t) {
      request.commands.push_back({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)});
    });
  }
  return request;
}

int64_t info_field(std::string_view info, std::string_view name) {
  for (std::string_view line : split(info, '\n')) {
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':'))
      return parse_int(trim(line.substr(name.size() + 1))).value_or(0);
  }
  return 0;
}

// What the keys and values take. Servers with few keys say 0, as they count their tables as overhead.
int64_t dataset_bytes(std::string_view info) {
  int64_t dataset = info_field(info, "used_memory_dataset");
  if (dataset > 0) return dataset;
  return std::max<int64_t>(1, info_field(info, "used_memory") - info_field(info, "used_memory_startup"));
}

void read_figure(std::string_view name, int64_t value, SlotFigures& figures) {
  if (name == "key-count") figures.keys = value;
  if (name == "memory-bytes") figures.memory_bytes = value;
  if (name == "cpu-usec") figures.cpu_us = value;
  if (name == "network-bytes-in" || name == "network-bytes-out")
    figures.network_bytes = std::max<int64_t>(0, figures.network_bytes) + value;
}

// [[slot, [name, value, …]], …]; the inner list may be a map. False if it is anything else.
bool read_stats(const Reply& reply, const cluster::SlotRanges& slots, std::vector<SlotFigures>& figures) {
  if (reply.type != ReplyType::kArray) return false;
  std::array<int, cluster::kSlotCount> index_of{};
  index_of.fill(-1);
  each_slot(slots, [&](size_t slot, size_t index) { index_of[slot] = static_cast<int>(index); });
  for (const Reply& entry : reply.elements) {
    if (entry.elements.size() != 2 || entry.elements[0].type != ReplyType::kInteger) return false;
    int64_t slot = entry.elements[0].integer;
    if (slot < 0 || slot >= cluster::kSlotCount || index_of[static_cast<size_t>(slot)] < 0) continue;
    SlotFigures& target = figures[static_cast<size_t>(index_of[static_cast<size_t>(slot)])];
    const std::vector<Reply>& fields = entry.elements[1].elements;
    for (size_t i = 0; i + 1 < fields.size(); i += 2)
      read_figure(fields[i].text, fields[i + 1].integer, target);
  }
  return true;
}

// False: the server does not know the command after all, or must not run it for us.
Result<bool> read_answers(const Request& request, const Response& response, Primary& primary) {
  if (response.error) return fail(*response.error);
  primary.dataset_bytes = dataset_bytes(response.replies[0].text);
  for (size_t i = 1; i < response.replies.size(); ++i) {
    const Reply& reply = response.replies[i];
    if (reply.is_error()) {
      if (primary.has_stats) return false;
      return fail(refusal(request.address, request.commands[i], reply));
    }
    if (!primary.has_stats) {
      primary.figures[i - 1].keys = reply.integer;
    } else if (!read_stats(reply, primary.slots(), primary.figures)) {
      return false;
    }
  }
  return true;
}

// Fills in the figures of all.
Status ask(Servers& servers, std::vector<Primary>& primaries, int64_t timeout_ms) {
  std::vector<Primary*> asked;
  for (Primary& primary : primaries) asked.push_back(&primary);
  for (int round = 0; round < 2 && !asked.empty(); ++round) {
    std::vector<Request> requests;
    for (const Primary* primary : asked) requests.push_back(questions_for(*primary));
    std::vector<Response> responses = servers.exchange(requests, timeout_ms);
    std::vector<Primary*> again;
    for (size_t i = 0; i < asked.size(); ++i) {
      Result<bool> read = read_answers(requests[i], responses[i], *asked[i]);
      if (!read) return fail(read.error());
      if (*read) continue;
      asked[i]->has_stats = false;
      again.push_back(asked[i]);
    }
    asked = std::move(again);
  }
  return {};
}

double sum_of(const std::vector<SlotFigures>& figures, int64_t SlotFigures::* figure) {
  double sum = 0;
  for (const SlotFigures& slot : figures) sum += static_cast<double>(std::max<int64_t>(0, slot.*figure));
  return sum;
}

bool all_tell(const std::vector<SlotFigures>& figures, int64_t SlotFigures::* figure) {
  return std::ranges::all_of(figures, [&](const SlotFigures& slot) { return slot.*figure >= 0; });
}

// `total`, dealt out by the figure.
std::vector<double> deal_out(const Primary& primary, double total, int64_t SlotFigures::* figure) {
  double sum = sum_of(primary.figures, figure);
  std::vector<double> loads;
  for (const SlotFigures& slot : primary.figures) {
    double part = sum > 0 ? static_cast<double>(std::max<int64_t>(0, slot.*figure)) / sum : 0;
    loads.push_back(total * part);
  }
  return loads;
}

// How the load of a primary's slots was found.
enum class Way { kTold, kByKeys, kByCpu, kByNetwork };

std::pair<Way, std::vector<double>> memory_of(const Primary& primary) {
  if (all_tell(primary.figures, &SlotFigures::memory_bytes)) {
    double total = sum_of(primary.figures, &SlotFigures::memory_bytes);
    return {Way::kTold, deal_out(primary, total, &SlotFigures::memory_bytes)};
  }
  auto total = static_cast<double>(primary.dataset_bytes);
  return {Way::kByKeys, deal_out(primary, total, &SlotFigures::keys)};
}

std::pair<Way, std::vector<double>> ops_of(const Primary& primary) {
  auto total = static_cast<double>(primary.known->facts->server.ops_per_s);
  if (sum_of(primary.figures, &SlotFigures::cpu_us) > 0)
    return {Way::kByCpu, deal_out(primary, total, &SlotFigures::cpu_us)};
  if (sum_of(primary.figures, &SlotFigures::network_bytes) > 0)
    return {Way::kByNetwork, deal_out(primary, total, &SlotFigures::network_bytes)};
  return {Way::kByKeys, deal_out(primary, total, &SlotFigures::keys)};
}

std::string sentence(LoadMeasure measure, Way way, const std::string& nodes) {
  if (measure == LoadMeasure::kMemory) {
    return fmt::format(
        "the memory of slots is estimated: each key counts as much as an average key of its "
        "node does ({})",
        nodes);
  }
  std::string_view by = way == Way::kByCpu       ? "the CPU time that they took so far"
                        : way == Way::kByNetwork ? "the bytes that went in and out for them so far"
                                                 : "their keys";
  return fmt::format(
      "the traffic of slots is estimated: the commands a second of a node now, dealt out to "
      "its slots by {} ({})",
      by, nodes);
}

std::vector<std::string> sentences(LoadMeasure measure,
                                   const std::vector<std::pair<Way, std::string>>& ways) {
  std::vector<std::string> told;
  for (Way way : {Way::kByCpu, Way::kByNetwork, Way::kByKeys}) {
    std::vector<std::string> nodes;
    for (const auto& [node_way, address] : ways) {
      if (node_way == way) nodes.push_back(address);
    }
    if (nodes.empty()) continue;
    constexpr size_t kNamed = 5;
    std::string list = nodes.size() == ways.size() ? "all nodes"
                       : nodes.size() <= kNamed    ? join(nodes, ", ")
                                                   : count_of(std::ssize(nodes), "node");
    told.push_back(sentence(measure, way, list));
  }
  return told;
}

}  // namespace

Result<SlotLoads> slot_loads(Servers& servers, const cluster::Observed& observed, LoadMeasure measure,
                             int64_t timeout_ms) {
  cluster::Knowledge knowledge(observed);
  Result<std::vector<Primary>> primaries = primaries_with_slots(knowledge);
  if (!primaries) return fail(primaries.error());
  if (Status asked = ask(servers, *primaries, timeout_ms); !asked) return fail(asked.error());
  SlotLoads loads;
  loads.loads.resize(cluster::kSlotCount, 0);
  loads.keys.resize(cluster::kSlotCount, 0);
  std::vector<std::pair<Way, std::string>> ways;
  for (const Primary& primary : *primaries) {
    auto [way, values] = measure == LoadMeasure::kMemory ? memory_of(primary) : ops_of(primary);
    ways.emplace_back(way, to_string(primary.address()));
    each_slot(primary.slots(), [&, &of_slots = values](size_t slot, size_t index) {
      loads.loads[slot] = of_slots[index];
      loads.keys[slot] = std::max<int64_t>(0, primary.figures[index].keys);
    });
  }
  loads.estimates = sentences(measure, ways);
  return loads;
}

}  // namespace keyway::engine
