#include "engine/key_search.h"

#include <algorithm>
#include <set>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/ownership.h"
#include "engine/observe.h"

namespace keyway::engine {

namespace {

using cluster::KeyCounts;
using cluster::NodeFacts;
using cluster::Observed;
using cluster::Slot;
using cluster::SlotSet;
using resp::Command;
using resp::Reply;

// Questions on their way at the same time, over all servers: a bound on memory (about 300 bytes each).
constexpr size_t kQuestionsARound = 65'536;
constexpr size_t kMinSlotsARound = 16;

Command count_command(size_t slot) { return {"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot)}; }

std::vector<const NodeFacts*> primaries_of(const Observed& observed) {
  std::vector<const NodeFacts*> primaries;
  for (const NodeFacts& node : observed.nodes) {
    const cluster::PeerView* own = cluster::own_view(node);
    if (own != nullptr && own->primary) primaries.push_back(&node);
  }
  return primaries;
}

// What one primary is to be asked about.
struct Inquiry {
  const NodeFacts* node = nullptr;
  std::vector<Slot> slots;
};

std::vector<Slot> list_slots(const SlotSet& set) {
  std::vector<Slot> slots;
  for (size_t slot = 0; slot < set.size(); ++slot) {
    if (set[slot]) slots.push_back(static_cast<Slot>(slot));
  }
  return slots;
}

class Search {
 public:
  Search(Servers& servers, int64_t timeout_ms) : servers_(servers), timeout_ms_(timeout_ms) {}

  void count(const std::vector<Inquiry>& inquiries);
  // The same for slots that are their nodes' own, each node's at one moment; gives the nodes that hold more
  // keys than that, or changed while they were asked.
  std::set<const NodeFacts*> count_own(const std::vector<Inquiry>& inquiries);
  void drop_imports(const std::vector<const NodeFacts*>& nodes);

  KeySearch found;

 private:
  bool take(const NodeFacts& node, const Response& response);
  void note(const NodeFacts& node, Slot slot, const Reply& reply);

  Servers& servers_;
  int64_t timeout_ms_;
  std::set<const NodeFacts*> failed_;
};

// False if the node did not answer in full; it is not asked again then.
bool Search::take(const NodeFacts& node, const Response& response) {
  std::string why;
  if (response.error) {
    why = response.error->message;
  } else {
    for (const Reply& reply : response.replies) {
      if (reply.is_error()) why = fmt::format("{}: {}", node.name, reply.text);
    }
  }
  if (why.empty()) return true;
  if (failed_.insert(&node).second) found.unasked.push_back(why);
  return false;
}

void Search::note(const NodeFacts& node, Slot slot, const Reply& reply) {
  if (reply.integer > 0) found.counts[slot][cluster::effective_id(node)] = reply.integer;
}

void Search::count(const std::vector<Inquiry>& inquiries) {
  size_t longest = 0;
  for (const Inquiry& inquiry : inquiries) longest = std::max(longest, inquiry.slots.size());
  size_t step = std::max(kMinSlotsARound, kQuestionsARound / std::max<size_t>(1, inquiries.size()));
  for (size_t begin = 0; begin < longest; begin += step) {
    std::vector<const Inquiry*> asked;
    std::vector<Request> requests;
    for (const Inquiry& inquiry : inquiries) {
      if (begin >= inquiry.slots.size() || failed_.contains(inquiry.node)) continue;
      asked.push_back(&inquiry);
      Request& request = requests.emplace_back(Request{inquiry.node->address, {}});
      size_t end = std::min(inquiry.slots.size(), begin + step);
      for (size_t i = begin; i < end; ++i) request.commands.push_back(count_command(inquiry.slots[i]));
    }
    std::vector<Response> responses = servers_.exchange(requests, timeout_ms_);
    for (size_t i = 0; i < asked.size(); ++i) {
      if (!take(*asked[i]->node, responses[i])) continue;
      for (size_t j = 0; j < responses[i].replies.size(); ++j) {
        note(*asked[i]->node, asked[i]->slots[begin + j], responses[i].replies[j]);
      }
    }
  }
}

// Keys of all databases.
int64_t keys_in_all(const Reply& keyspace) {
  int64_t keys = 0;
  for (std::string_view line : split(keyspace.text, '\n')) {
    size_t at = line.find(":keys=");
    if (!line.starts_with("db") || at == std::string_view::npos) continue;
    std::string_view number = line.substr(at + 6);
    keys += parse_int(number.substr(0, number.find(','))).value_or(0);
  }
  return keys;
}

std::set<const NodeFacts*> Search::count_own(const std::vector<Inquiry>& inquiries) {
  std::vector<Request> requests;
  for (const Inquiry& inquiry : inquiries) {
    Request& request = requests.emplace_back(Request{inquiry.node->address, {{"MULTI"}}});
    for (Slot slot : inquiry.slots) request.commands.push_back(count_command(slot));
    request.commands.push_back({"INFO", "keyspace"});
    request.commands.push_back({"EXEC"});
  }
  std::set<const NodeFacts*> have_more;
  std::vector<Response> responses = servers_.exchange(requests, timeout_ms_);
  for (size_t i = 0; i < inquiries.size(); ++i) {
    const Inquiry& inquiry = inquiries[i];
    if (!take(*inquiry.node, responses[i])) continue;
    const Reply& exec = responses[i].replies.back();
    if (exec.elements.size() != inquiry.slots.size() + 1) {
      have_more.insert(inquiry.node);
      continue;
    }
    int64_t sum = 0;
    for (size_t j = 0; j < inquiry.slots.size(); ++j) {
      sum += exec.elements[j].integer;
      note(*inquiry.node, inquiry.slots[j], exec.elements[j]);
    }
    if (sum != keys_in_all(exec.elements.back())) have_more.insert(inquiry.node);
  }
  return have_more;
}

// The slots that are on their way to the server by atomic migrations, of its answer to CLUSTER
// GETSLOTMIGRATIONS: an array of maps.
SlotSet imports_under_way(const Reply& migrations) {
  SlotSet slots;
  for (const Reply& migration : migrations.elements) {
    std::map<std::string, std::string> fields;
    for (size_t i = 0; i + 1 < migration.elements.size(); i += 2) {
      fields[migration.elements[i].text] = migration.elements[i + 1].text;
    }
    const std::string& state = fields["state"];
    bool over = state == "success" || state == "failed" || state == "cancelled" || state == "canceled";
    if (over || fields["operation"] != "IMPORT") continue;
    slots |= cluster::to_set(cluster::parse_slots(fields["slot_ranges"]).value_or(cluster::SlotRanges{}));
  }
  return slots;
}

void Search::drop_imports(const std::vector<const NodeFacts*>& nodes) {
  std::vector<const NodeFacts*> asked;
  std::vector<Request> requests;
  for (const NodeFacts* node : nodes) {
    if (node->server.engine != cluster::EngineKind::kValkey) continue;
    asked.push_back(node);
    requests.push_back({node->address, {{"CLUSTER", "GETSLOTMIGRATIONS"}}});
  }
  if (requests.empty()) return;
  std::vector<Response> responses = servers_.exchange(requests, timeout_ms_);
  for (size_t i = 0; i < asked.size(); ++i) {
    if (!responses[i].ok()) continue;  // a server that knows no such command says so with an error reply
    SlotSet importing = imports_under_way(responses[i].replies.front());
    if (importing.none()) continue;
    for (auto& [slot, holders] : found.counts) {
      if (importing[slot]) holders.erase(cluster::effective_id(*asked[i]));
    }
  }
  std::erase_if(found.counts, [](const auto& entry) { return entry.second.empty(); });
}

// Nodes that hold keys of slots that are not theirs.
std::vector<const NodeFacts*> misplaced(const Observed& observed, const cluster::Knowledge& known,
                                        const KeyCounts& counts) {
  std::set<const NodeFacts*> nodes;
  for (const auto& [slot, holders] : counts) {
    for (const auto& [id, count] : holders) {
      if (known.owner(slot) != id) nodes.insert(observed.find_id(id));
    }
  }
  return {nodes.begin(), nodes.end()};
}

}  // namespace

KeySearch count_keys(Servers& servers, const Observed& observed, const SlotSet& slots, int64_t timeout_ms) {
  Search search(servers, timeout_ms);
  std::vector<Inquiry> inquiries;
  std::vector<Slot> wanted = list_slots(slots);
  for (const NodeFacts* node : primaries_of(observed)) inquiries.push_back({node, wanted});
  search.count(inquiries);
  search.drop_imports(misplaced(observed, cluster::Knowledge(observed), search.found.counts));
  return std::move(search.found);
}

KeySearch search_keys(Servers& servers, const Observed& observed, int64_t timeout_ms) {
  Search search(servers, timeout_ms);
  std::vector<Inquiry> own;
  for (const NodeFacts* node : primaries_of(observed)) {
    own.push_back({node, list_slots(cluster::to_set(cluster::own_view(*node)->slots))});
  }
  std::set<const NodeFacts*> have_more = search.count_own(own);
  std::vector<Inquiry> rest;
  for (const NodeFacts* node : have_more) {
    rest.push_back({node, list_slots(~cluster::to_set(cluster::own_view(*node)->slots))});
  }
  search.count(rest);
  cluster::Knowledge known(observed);
  search.drop_imports(misplaced(observed, known, search.found.counts));
  std::erase_if(search.found.counts, [&](const auto& entry) {
    return entry.second.size() == 1 && entry.second.begin()->first == known.owner(entry.first);
  });
  return std::move(search.found);
}

}  // namespace keyway::engine
