#include "admin/keyspace.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/ownership.h"
#include "engine/observe.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using cluster::Slot;
using engine::Request;
using engine::Response;
using resp::Command;
using resp::Reply;

// A failover takes a cluster's node timeout, 15 s unless it was changed, and some.
constexpr int64_t kPatienceMs = 30'000;
constexpr int64_t kShortestPauseMs = 5;
constexpr int64_t kLongestPauseMs = 500;

enum class Meaning { kAnswer, kMoved, kAsk, kLater };

Meaning meaning_of(const Reply& reply, bool of_cluster, bool moves) {
  std::string_view code = reply.error_code();
  if (code.empty()) return Meaning::kAnswer;
  if (code == "LOADING") return Meaning::kLater;
  if (!of_cluster) return moves && code == "READONLY" ? Meaning::kLater : Meaning::kAnswer;
  if (code == "MOVED") return Meaning::kMoved;
  if (code == "ASK") return Meaning::kAsk;
  // READONLY: it has become a replica.
  for (std::string_view later : {"TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY"}) {
    if (code == later) return Meaning::kLater;
  }
  return Meaning::kAnswer;
}

std::string_view product_of(cluster::EngineKind kind) {
  return kind == cluster::EngineKind::kValkey ? "Valkey" : "Redis";
}

}  // namespace

// Sends each open list of commands to where its key is thought to be, and sorts the replies.
class Keyspace::Attempt {
 public:
  Attempt(Keyspace& keys, std::vector<KeyCommands>& asked, Answers& answers)
      : keys_(keys), asked_(asked), answers_(answers) {
    for (size_t i = 0; i < asked.size(); ++i) open_.push_back(i);
  }

  bool done() const { return open_.empty(); }
  size_t open() const { return open_.size(); }
  bool wants_look() const { return wants_look_; }
  const Error& trouble() const { return *trouble_; }

  // Errors are those that no repetition mends.
  Status run(int64_t timeout_ms);

 private:
  struct Sent {
    size_t index = 0;     // into asked_
    bool asking = false;  // each of its commands goes after an ASKING
  };
  struct Batch {
    Request request;
    std::vector<Sent> sent;  // in the order of the request
  };

  std::vector<Batch> make_batches();
  void give_back(Batch& batch);
  Status take(Batch& batch, Response& response);
  void take_one(size_t index, std::vector<Reply> replies, const Address& from);
  size_t commands_before() const { return keys_.options_.database == 0 ? 0 : 1; }

  Keyspace& keys_;
  std::vector<KeyCommands>& asked_;
  Answers& answers_;
  std::vector<size_t> open_;
  std::map<size_t, Address> asks_;  // where an ASK sent them
  bool wants_look_ = false;
  std::optional<Error> trouble_;  // the latest
};

std::vector<Keyspace::Attempt::Batch> Keyspace::Attempt::make_batches() {
  std::map<Address, Batch> by_address;
  for (size_t index : open_) {
    auto ask = asks_.find(index);
    bool asking = ask != asks_.end();
    const Address& to = asking ? ask->second : keys_.owners_[asked_[index].slot];
    Batch& batch = by_address[to];
    std::vector<Command>& commands = batch.request.commands;
    batch.request.address = to;
    if (commands.empty() && commands_before() > 0) {
      commands.push_back({"SELECT", std::to_string(keys_.options_.database)});
    }
    batch.sent.push_back({index, asking});
    for (Command& command : asked_[index].commands) {
      if (asking) commands.push_back({"ASKING"});
      commands.push_back(std::move(command));
    }
  }
  open_.clear();
  asks_.clear();
  std::vector<Batch> batches;
  for (auto& [address, batch] : by_address) batches.push_back(std::move(batch));
  return batches;
}

Status Keyspace::Attempt::run(int64_t timeout_ms) {
  wants_look_ = false;
  std::vector<Batch> batches = make_batches();
  std::vector<Request> requests;
  for (Batch& batch : batches) requests.push_back(std::move(batch.request));
  std::vector<Response> responses = keys_.servers_->exchange(requests, timeout_ms);
  for (size_t i = 0; i < batches.size(); ++i) {
    batches[i].request = std::move(requests[i]);
    give_back(batches[i]);
    if (Status taken = take(batches[i], responses[i]); !taken) return taken;
  }
  return {};
}

// Commands may have to be sent again.
void Keyspace::Attempt::give_back(Batch& batch) {
  size_t at = commands_before();
  for (const Sent& sent : batch.sent) {
    for (Command& command : asked_[sent.index].commands) {
      if (sent.asking) ++at;
      command = std::move(batch.request.commands[at++]);
    }
  }
}

Status Keyspace::Attempt::take(Batch& batch, Response& response) {
  std::vector<Reply>& replies = response.replies;
  size_t at = commands_before();
  if (at > 0 && !replies.empty() && !replies.front().ok()) {
    return fail(engine::refusal(batch.request.address, batch.request.commands.front(), replies.front()));
  }
  for (const Sent& sent : batch.sent) {
    size_t count = asked_[sent.index].commands.size();
    if (at + count * (sent.asking ? 2 : 1) > replies.size()) {
      open_.push_back(sent.index);
      continue;
    }
    std::vector<Reply> own;
    for (size_t i = 0; i < count; ++i) {
      if (sent.asking) ++at;
      own.push_back(std::move(replies[at++]));
    }
    take_one(sent.index, std::move(own), batch.request.address);
  }
  if (!response.error) return {};
  trouble_ = *response.error;
  wants_look_ = true;
  bool passing = trouble_->code == ErrorCode::kUnavailable || trouble_->code == ErrorCode::kTimeout;
  return passing ? Status{} : fail(*trouble_);
}

void Keyspace::Attempt::take_one(size_t index, std::vector<Reply> replies, const Address& from) {
  auto refused = std::find_if(replies.begin(), replies.end(), [this](const Reply& reply) {
    return meaning_of(reply, keys_.is_cluster_, keys_.moves()) != Meaning::kAnswer;
  });
  if (refused == replies.end()) {
    answers_[index] = std::move(replies);
    return;
  }
  trouble_ = engine::refusal(from, asked_[index].commands.front(), *refused);
  open_.push_back(index);
  switch (meaning_of(*refused, keys_.is_cluster_, keys_.moves())) {
    case Meaning::kAsk:
      asks_[index] = keys_.reachable(keys_.named_by(*refused, from));
      break;
    case Meaning::kMoved:
      if (!keys_.move_owner(asked_[index].slot, keys_.named_by(*refused, from))) wants_look_ = true;
      break;
    default:
      if (refused->error_code() != "TRYAGAIN") wants_look_ = true;
  }
}

Result<Keyspace> Keyspace::open(engine::Servers& servers, const Address& seed, KeyspaceOptions options) {
  Keyspace keys(servers, seed, std::move(options));
  if (Status looked = keys.look_at_seed(); !looked) return fail(looked.error());
  if (keys.is_cluster_) {
    if (keys.options_.database != 0) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is part of a cluster; only the database 0 of a cluster can be read",
                              to_string(seed)));
    }
    if (Status looked = keys.look(); !looked) return fail(looked.error());
  }
  return keys;
}

Status Keyspace::look_at_seed() {
  Result<Reply> info = servers_->call(seed_, {"INFO"}, options_.timeout_ms);
  if (!info) return fail(info.error());
  cluster::ServerFacts facts;
  bool loading = false;
  if (info->is_error()) return fail(engine::refusal(seed_, {"INFO"}, *info));
  if (Status read = engine::parse_info(info->text, facts, loading); !read) return read;
  if (loading) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("{} is still loading its data; try again later", to_string(seed_)));
  }
  is_cluster_ = facts.cluster_enabled;
  version_ = fmt::format("{} {}", product_of(facts.engine), facts.version);
  if (!is_cluster_) set_only_owner(seed_);
  return {};
}

void Keyspace::set_only_owner(const Address& server) {
  if (primaries_ != std::vector{server}) ++generation_;
  primaries_ = {server};
  std::fill(owners_.begin(), owners_.end(), server);
  std::fill(announced_owners_.begin(), announced_owners_.end(), server);
}

Status Keyspace::follow_primary() {
  if (!moves()) return {};
  Result<Address> primary = options_.find_primary();
  if (!primary) return fail(primary.error());
  set_only_owner(*primary);
  return {};
}

Result<cluster::Observed> Keyspace::survey() {
  engine::SurveyOptions how{.timeout_ms = options_.timeout_ms, .reach = options_.reach};
  Result<cluster::Observed> observed = engine::survey(*servers_, seed_, how);
  for (size_t i = 0; i < nodes_.size() && !observed; ++i) {
    if (nodes_[i] != seed_) observed = engine::survey(*servers_, nodes_[i], how);
  }
  return observed;
}

Status Keyspace::look() {
  if (!is_cluster_) return follow_primary();
  Result<cluster::Observed> observed = survey();
  if (!observed) return fail(observed.error());
  return take_owners(*observed);
}

Status Keyspace::take_owners(const cluster::Observed& observed) {
  cluster::Knowledge knowledge(observed);
  if (cluster::SlotRanges missing = knowledge.unowned(); !missing.empty()) {
    return fail(
        ErrorCode::kConflict,
        fmt::format("the cluster of {} has slots that nobody owns ({}): `keyway cluster fix {}` first",
                    to_string(seed_), cluster::to_string(missing), to_string(seed_)));
  }
  std::vector<Address> owners(cluster::kSlotCount);
  std::vector<Address> announced(cluster::kSlotCount);
  std::vector<Address> primaries;
  for (const auto& [id, node] : knowledge.nodes()) {
    if (node.view.slots.empty()) continue;
    if (node.facts == nullptr || !node.facts->answering()) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("the primary {} ({}), which owns {} slots, does not answer", id,
                              to_string(node.view.address), cluster::count(node.view.slots)));
    }
    primaries.push_back(node.facts->address);
    Address reached_by_others = engine::announced_address(observed, *node.facts);
    for (const cluster::SlotRange& range : node.view.slots) {
      for (int slot = range.first; slot <= range.last; ++slot) {
        owners[static_cast<size_t>(slot)] = node.facts->address;
        announced[static_cast<size_t>(slot)] = reached_by_others;
      }
    }
  }
  if (owners != owners_) ++generation_;
  owners_ = std::move(owners);
  announced_owners_ = std::move(announced);
  primaries_ = std::move(primaries);
  ids_.clear();
  nodes_.clear();
  settled_ = true;
  for (const cluster::NodeFacts& node : observed.nodes) {
    ids_.push_back(cluster::effective_id(node));
    nodes_.push_back(node.address);
    settled_ = settled_ && node.server.open_slots.empty();
  }
  return {};
}

Address Keyspace::reachable(const Address& announced) const {
  auto mapped = options_.reach.find(announced);
  return mapped == options_.reach.end() ? announced : mapped->second;
}

// "MOVED 866 10.0.0.1:6379"; without a host, or with "?", it is the host that was asked.
Address Keyspace::named_by(const Reply& reply, const Address& asked) const {
  std::vector<std::string_view> words = split_blanks(reply.text);
  if (words.size() < 3) return asked;
  std::string_view port = words[2].substr(std::min(words[2].size(), words[2].rfind(':') + 1));
  std::optional<Address> address = parse_address(words[2]);
  if (address && address->host != "?") return *address;
  std::optional<int64_t> number = parse_int(port);
  return number ? Address{asked.host, static_cast<uint16_t>(*number)} : asked;
}

// False if the new owner is not one that is known: then it is time to look.
bool Keyspace::move_owner(Slot slot, const Address& announced) {
  Address to = reachable(announced);
  if (owners_[slot] != to) ++generation_;
  owners_[slot] = to;
  announced_owners_[slot] = announced;
  return std::find(primaries_.begin(), primaries_.end(), to) != primaries_.end();
}

Result<Keyspace::Answers> Keyspace::ask(std::vector<KeyCommands> asked, int64_t timeout_ms) {
  Answers answers(asked.size());
  Attempt attempt(*this, asked, answers);
  int64_t last_progress_ms = now_ms();
  int64_t pause_ms = 0;
  while (!attempt.done()) {
    size_t before = attempt.open();
    if (Status tried = attempt.run(timeout_ms); !tried) return fail(tried.error());
    if (attempt.open() < before) {
      last_progress_ms = now_ms();
      pause_ms = 0;
    }
    if (attempt.done()) break;
    if (interrupted() || now_ms() - last_progress_ms > kPatienceMs) return fail(attempt.trouble());
    // A slot that moved is asked for at its new place at once.
    pause(pause_ms);
    pause_ms = std::clamp(pause_ms * 2, kShortestPauseMs, kLongestPauseMs);
    // What is wrong with the cluster shows in what it answers next.
    if (attempt.wants_look()) (void)look();
  }
  return answers;
}

void Keyspace::pause(int64_t pause_ms) { std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms)); }

std::vector<Response> Keyspace::tell(std::vector<Request> requests, int64_t timeout_ms) {
  Command select = {"SELECT", std::to_string(options_.database)};
  bool selects = options_.database != 0;
  if (selects) {
    for (Request& request : requests) request.commands.insert(request.commands.begin(), select);
  }
  std::vector<Response> responses = servers_->exchange(requests, timeout_ms);
  for (size_t i = 0; selects && i < responses.size(); ++i) {
    Response& response = responses[i];
    if (response.replies.empty()) continue;
    if (!response.replies.front().ok()) {
      response.error = engine::refusal(requests[i].address, select, response.replies.front());
      response.replies.clear();
    } else {
      response.replies.erase(response.replies.begin());
    }
  }
  return responses;
}

}  // namespace keyway::admin
