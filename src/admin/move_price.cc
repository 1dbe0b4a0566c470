// price: how much there is to move, and how long it takes.
#include <algorithm>
#include <map>

#include "admin/move.h"
#include "base/format.h"
#include "base/strings.h"
#include "cluster/ownership.h"
#include "engine/atomic_mover.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using cluster::NodeFacts;
using cluster::Slot;
using resp::Command;

constexpr size_t kCountsAtOnce = 1000;
constexpr int64_t kSlotKeys = 500;    // looked at in one slot
constexpr int64_t kKeysAtOnce = 500;  // looked at in one pipeline
constexpr int64_t kLookMs = 40;       // for looking at keys
constexpr int64_t kShortLookMs = 10;  // where big keys do no harm
constexpr size_t kMaxBigKeys = 100;
constexpr size_t kShownName = 60;
// Slots are looked at in steps of this size, so that those that time allows are spread over all.
constexpr size_t kStride = 61;
// What moving takes, roughly.
constexpr double kKeyUs = 6;
constexpr double kBytesAUs = 80;
constexpr double kSlotUs = 150;
constexpr double kAtomicKeyUs = 3;
constexpr double kAtomicJobUs = 100'000;

// One move, and what was seen of its keys.
struct Sampled {
  PlannedMove move;
  std::vector<Slot> slots;      // those with keys, in the order in which they are looked at
  std::vector<int64_t> counts;  // of their keys
  size_t next = 0;              // those before it were looked at
  std::vector<std::string> keys;
  int64_t seen = 0;
  int64_t seen_bytes = 0;
};

class Pricing {
 public:
  Pricing(Session& session, const cluster::Observed& observed, const MoveOptions& options)
      : session_(session), observed_(observed), options_(options) {}

  Result<MovePlan> run(const std::vector<cluster::SlotMove>& moves);

 private:
  Result<const NodeFacts*> primary(const std::string& id) const;
  Status add(const cluster::SlotMove& move);
  Status choose_way();
  Status count(Sampled& sampled);
  Status look_at_keys();
  Status list_keys(std::vector<Sampled*>& some);
  Status weigh_keys(const std::vector<Sampled*>& some);
  void take_size(Sampled& sampled, const std::string& key, const resp::Reply& reply);
  int64_t estimate_ms() const;
  double work_us(const PlannedMove& move) const;

  Session& session_;
  const cluster::Observed& observed_;
  const MoveOptions& options_;
  std::vector<Sampled> sampled_;
  MovePlan plan_;
  bool sizes_denied_ = false;
};

Result<MovePlan> Pricing::run(const std::vector<cluster::SlotMove>& moves) {
  for (const cluster::SlotMove& move : moves) {
    if (Status added = add(move); !added) return fail(added.error());
  }
  if (Status chosen = choose_way(); !chosen) return fail(chosen.error());
  for (Sampled& sampled : sampled_) {
    if (Status counted = count(sampled); !counted) return fail(counted.error());
  }
  if (Status looked = look_at_keys(); !looked) return fail(looked.error());
  for (Sampled& sampled : sampled_) {
    PlannedMove& move = sampled.move;
    if (sampled.seen > 0) {
      move.bytes = static_cast<int64_t>(static_cast<double>(sampled.seen_bytes) /
                                        static_cast<double>(sampled.seen) * static_cast<double>(move.keys));
    } else {
      move.bytes = move.keys == 0 ? 0 : -1;
    }
    plan_.moves.push_back(move);
  }
  plan_.estimated_ms = estimate_ms();
  return plan_;
}

Result<const NodeFacts*> Pricing::primary(const std::string& id) const {
  const NodeFacts* node = observed_.find_id(id);
  if (node == nullptr) {
    return fail(ErrorCode::kNotFound, fmt::format("the cluster has no node {}", id));
  }
  if (!node->answering()) {
    return fail(ErrorCode::kUnavailable, fmt::format("{} does not answer{}{}", to_string(node->address),
                                                     node->note.empty() ? "" : ": ", node->note));
  }
  if (node->server.role != cluster::Role::kPrimary) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} is a replica: slots move between primaries", to_string(node->address)));
  }
  return node;
}

// Moves between the same two nodes become one.
Status Pricing::add(const cluster::SlotMove& move) {
  Result<const NodeFacts*> from = primary(move.from);
  if (!from) return fail(from.error());
  Result<const NodeFacts*> to = primary(move.to);
  if (!to) return fail(to.error());
  auto same = std::ranges::find_if(sampled_, [&](const Sampled& sampled) {
    return sampled.move.from_id == move.from && sampled.move.to_id == move.to;
  });
  if (same == sampled_.end()) {
    sampled_.emplace_back().move = {move.from, move.to, (*from)->address, (*to)->address, {}, 0, 0};
    same = sampled_.end() - 1;
  }
  same->move.slots.insert(same->move.slots.end(), move.slots.begin(), move.slots.end());
  same->move.slots = cluster::normalize(std::move(same->move.slots));
  return {};
}

Status Pricing::choose_way() {
  if (options_.atomic == false || sampled_.empty()) return {};
  std::vector<Address> addresses;
  for (const Sampled& sampled : sampled_) {
    for (const Address& address : {sampled.move.from, sampled.move.to}) {
      if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
    }
  }
  Result<bool> can = engine::can_move_atomically(session_.servers, addresses);
  if (!can) return fail(can.error());
  if (options_.atomic == true && !*can) {
    return fail(
        ErrorCode::kUnsupported,
        "not all of these servers know atomic slot migration (Valkey from 9 does, unless the user may "
        "not run COMMAND INFO); move without it");
  }
  plan_.atomic = *can;
  return {};
}

Status Pricing::count(Sampled& sampled) {
  std::vector<Slot> slots;
  for (const cluster::SlotRange& range : sampled.move.slots) {
    for (int slot = range.first; slot <= range.last; ++slot) slots.push_back(static_cast<Slot>(slot));
  }
  for (size_t first = 0; first < slots.size(); first += kCountsAtOnce) {
    std::vector<Command> commands;
    for (size_t i = first; i < std::min(slots.size(), first + kCountsAtOnce); ++i)
      commands.push_back({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slots[i])});
    engine::Response counts =
        std::move(session_.servers.exchange({{sampled.move.from, commands}}, session_.timeout_ms).front());
    if (counts.error) return fail(*counts.error);
    for (size_t i = 0; i < commands.size(); ++i) {
      const resp::Reply& count = counts.replies[i];
      if (count.type != resp::ReplyType::kInteger)
        return fail(engine::refusal(sampled.move.from, commands[i], count));
      sampled.move.keys += count.integer;
      if (count.integer == 0) continue;
      sampled.slots.push_back(slots[first + i]);
      sampled.counts.push_back(count.integer);
    }
  }
  return {};
}

// As many as a moment allows, of all moves at once, each a little at a time so that clients do not wait.
Status Pricing::look_at_keys() {
  int64_t end_ms = now_ms() + (plan_.atomic ? kShortLookMs : kLookMs);
  while (now_ms() < end_ms && !session_.interrupted() && !sizes_denied_) {
    std::vector<Sampled*> some;
    for (Sampled& sampled : sampled_) {
      if (sampled.next < sampled.slots.size()) some.push_back(&sampled);
    }
    if (some.empty()) return {};
    if (Status listed = list_keys(some); !listed) return listed;
    if (Status weighed = weigh_keys(some); !weighed) return weighed;
  }
  return {};
}

Status Pricing::list_keys(std::vector<Sampled*>& some) {
  std::vector<engine::Request> requests;
  for (Sampled* sampled : some) {
    engine::Request& request = requests.emplace_back();
    request.address = sampled->move.from;
    size_t size = sampled->slots.size();
    size_t stride = size % kStride == 0 ? 1 : kStride;
    for (int64_t keys = 0; keys < kKeysAtOnce && sampled->next < size; ++sampled->next) {
      size_t at = sampled->next * stride % size;
      keys += std::min(kSlotKeys, sampled->counts[at]);
      request.commands.push_back(
          {"CLUSTER", "GETKEYSINSLOT", std::to_string(sampled->slots[at]), std::to_string(kSlotKeys)});
    }
  }
  std::vector<engine::Response> responses = session_.servers.exchange(requests, session_.timeout_ms);
  for (size_t i = 0; i < some.size(); ++i) {
    if (responses[i].error) return fail(*responses[i].error);
    some[i]->keys.clear();
    for (resp::Reply& list : responses[i].replies) {
      for (resp::Reply& key : list.elements) some[i]->keys.push_back(std::move(key.text));
    }
  }
  std::erase_if(some, [](const Sampled* sampled) { return sampled->keys.empty(); });
  return {};
}

Status Pricing::weigh_keys(const std::vector<Sampled*>& some) {
  std::vector<engine::Request> requests;
  for (const Sampled* sampled : some) {
    engine::Request& request = requests.emplace_back();
    request.address = sampled->move.from;
    for (const std::string& key : sampled->keys) request.commands.push_back({"MEMORY", "USAGE", key});
  }
  std::vector<engine::Response> responses = session_.servers.exchange(requests, session_.timeout_ms);
  for (size_t i = 0; i < some.size(); ++i) {
    if (responses[i].error) return fail(*responses[i].error);
    for (size_t k = 0; k < some[i]->keys.size(); ++k)
      take_size(*some[i], some[i]->keys[k], responses[i].replies[k]);
  }
  return {};
}

void Pricing::take_size(Sampled& sampled, const std::string& key, const resp::Reply& reply) {
  std::string_view code = reply.error_code();
  sizes_denied_ = sizes_denied_ || (reply.is_error() && code != "ASK" && code != "MOVED");
  if (reply.type != resp::ReplyType::kInteger) return;
  ++sampled.seen;
  sampled.seen_bytes += reply.integer;
  auto stall_ms = static_cast<int64_t>(static_cast<double>(reply.integer) / kBytesAUs / 1000);
  if (plan_.atomic || stall_ms <= options_.max_call_ms || plan_.big_keys.size() >= kMaxBigKeys) return;
  std::string shown;
  for (char c : key.substr(0, kShownName)) shown += c >= ' ' && c < 127 ? c : '?';
  plan_.big_keys.push_back(fmt::format("key '{}' has {}: moving it blocks {} and {} for about {}", shown,
                                       human_bytes(reply.integer), to_string(sampled.move.from),
                                       to_string(sampled.move.to), human_duration(stall_ms)));
}

double Pricing::work_us(const PlannedMove& move) const {
  auto keys = static_cast<double>(move.keys);
  if (plan_.atomic) {
    auto a_job = static_cast<double>(std::max<int64_t>(1, options_.atomic_keys_a_job));
    return keys * kAtomicKeyUs + (1 + keys / a_job) * kAtomicJobUs;
  }
  return keys * kKeyUs + static_cast<double>(std::max<int64_t>(0, move.bytes)) / kBytesAUs +
         cluster::count(move.slots) * kSlotUs;
}

// A source works on one move at a time; pairs go on beside each other.
int64_t Pricing::estimate_ms() const {
  std::map<std::string, double> of_source;
  double sum = 0;
  for (const PlannedMove& move : plan_.moves) {
    of_source[move.from_id] += work_us(move);
    sum += work_us(move);
  }
  double longest = sum / std::max(1, options_.parallel);
  for (const auto& [id, us] : of_source) longest = std::max(longest, us);
  int64_t estimated_ms = static_cast<int64_t>(longest / 1000);
  int64_t bytes = plan_.bytes();
  if (options_.max_bytes_per_s > 0 && bytes > 0)
    estimated_ms = std::max(estimated_ms, bytes * 1000 / options_.max_bytes_per_s);
  return estimated_ms;
}

}  // namespace

Result<MovePlan> price(Session& session, const cluster::Observed& observed,
                       const std::vector<cluster::SlotMove>& moves, const MoveOptions& options) {
  Pricing pricing(session, observed, options);
  return pricing.run(moves);
}

}  // namespace keyway::admin
