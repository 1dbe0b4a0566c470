#include "reconcile/act.h"

#include <algorithm>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/ownership.h"
#include "cluster/plan.h"
#include "engine/hasten.h"

namespace keyway::reconcile {

namespace {

using cluster::FailoverKind;
using cluster::Mode;
using cluster::NodeFacts;
using cluster::Role;

Status as_status(const Address& address, const resp::Command& command, const resp::Reply& reply) {
  if (!reply.is_error()) return {};
  std::string_view code = reply.error_code();
  ErrorCode error =
      code == "NOAUTH" || code == "WRONGPASS" || code == "NOPERM" ? ErrorCode::kDenied : ErrorCode::kConflict;
  return fail(error, fmt::format("{} answered `{}` with: {}", to_string(address), resp::describe(command),
                                 reply.text));
}

class Actor {
 public:
  Actor(Mode mode, const cluster::Observed& observed, engine::Servers& servers, platform::Platform& platform,
        const ActOptions& options)
      : mode_(mode), observed_(observed), servers_(servers), platform_(platform), options_(options) {}

  Act operator()(const cluster::StartNode& s) { return {platform_.start(s), {}}; }
  Act operator()(const cluster::StopNode& s) { return {stop(s), {}}; }
  Act operator()(const cluster::SetDataAside& s) { return {platform_.set_data_aside(s.node, s.table), {}}; }
  Act operator()(const cluster::RemoveNode& s) { return {remove(s), {}}; }

  Act operator()(const cluster::Meet& s) { return {tell_all(s.on, meet(s), ""), {}}; }
  Act operator()(const cluster::AddSlots& s) { return {add_slots(s), {}}; }
  Act operator()(const cluster::Follow& s) { return {follow(s), {}}; }
  Act operator()(const cluster::Promote& s) {
    return {mode_ == Mode::kSharded ? promote_sharded(s) : promote_replicated(s), {}};
  }
  Act operator()(const cluster::Forget& s) {
    return {tell_all(s.on, {"CLUSTER", "FORGET", s.id}, "Unknown node"), {}};
  }
  Act operator()(const cluster::MoveSlots& s) { return move(s); }
  Act operator()(const cluster::CloseSlots& s) { return {close(s), {}}; }
  Act operator()(const cluster::SetConfig& s) { return {set_config(s), {}}; }
  Act operator()(const cluster::ApplyUsers& s) { return {apply_users(s), {}}; }
  Act operator()(const cluster::RecordPrimary& s) { return {platform_.record_primary(s.shard, s.node), {}}; }
  Act operator()(const cluster::RecordFollow& s) { return {platform_.persist_follow(s.node, s.follow), {}}; }
  Act operator()(const cluster::RecordData& s) { return {platform_.record_data(s.shard), {}}; }
  Act operator()(const cluster::RecordIdentity& s) { return {platform_.record_identity(s.node, s.id), {}}; }
  Act operator()(const cluster::RecordFormed&) { return {platform_.record_formed(), {}}; }
  Act operator()(const cluster::ClearSwitchover& s) { return {platform_.clear_switchover(s.shard), {}}; }

 private:
  // The planner names only nodes that it was shown.
  const NodeFacts& node(const std::string& name) const { return *observed_.find(name); }

  Status run(const std::string& name, const resp::Command& command) {
    const Address& address = node(name).address;
    Result<resp::Reply> reply = servers_.call(address, command, options_.call_timeout_ms);
    if (!reply) return fail(reply.error());
    return as_status(address, command, *reply);
  }

  Status run_all(const std::string& name, const std::vector<resp::Command>& commands) {
    const Address& address = node(name).address;
    engine::Response response =
        std::move(servers_.exchange({{address, commands}}, options_.call_timeout_ms).front());
    if (response.error) return fail(*response.error);
    for (size_t i = 0; i < commands.size(); ++i) {
      if (Status status = as_status(address, commands[i], response.replies[i]); !status) return status;
    }
    return {};
  }

  // A sole copy is saved whatever the configuration says; a copy that is not whole must not overwrite what is
  // on disk.
  Status stop(const cluster::StopNode& s) {
    const NodeFacts& facts = node(s.node);
    if (!s.graceful) return platform_.stop(s.node, false);
    if (!facts.answering()) return platform_.stop(s.node, true);
    // A replica whose link went keeps what it has; one whose copying failed is empty.
    bool kept = facts.server.link_up || facts.server.keys > 0;
    bool whole = facts.server.role == Role::kPrimary || (kept && !facts.server.syncing);
    resp::Command command = {"SHUTDOWN", whole ? "SAVE" : "NOSAVE"};
    Result<resp::Reply> reply = servers_.call(facts.address, command, options_.call_timeout_ms);
    if (reply) return as_status(facts.address, command, *reply);
    // A server that shuts down answers by closing the connection, after a save that may take longer than we
    // wait.
    bool ordered = reply.error().code == ErrorCode::kUnavailable || reply.error().code == ErrorCode::kTimeout;
    return ordered ? Status{} : Status{fail(reply.error())};
  }

  // What is deleted cannot be had back. A look may be as old as the slowest answer in it; so whoever has the
  // shard's data must still be there.
  Status remove(const cluster::RemoveNode& s) {
    const NodeFacts* primary = cluster::primary_of(observed_, mode_, node(s.node).shard);
    if (primary != nullptr && primary->name != s.node && primary->answering()) {
      if (Status there = run(primary->name, {"PING"}); !there) return there;
    }
    return platform_.remove(s.node);
  }

  Status add_slots(const cluster::AddSlots& s) {
    resp::Command command = {"CLUSTER", "ADDSLOTSRANGE"};
    for (const cluster::SlotRange& range : s.slots) {
      command.push_back(fmt::format("{}", range.first));
      command.push_back(fmt::format("{}", range.last));
    }
    return run(s.node, command);
  }

  Status follow(const cluster::Follow& s) {
    const NodeFacts& primary = node(s.primary);
    if (mode_ == Mode::kSharded) return run(s.node, {"CLUSTER", "REPLICATE", cluster::effective_id(primary)});
    if (Status status = platform_.persist_follow(s.node, s.primary); !status) return status;
    return run(s.node, {"REPLICAOF", primary.address.host, fmt::format("{}", primary.address.port)});
  }

  Status promote_sharded(const cluster::Promote& s) {
    resp::Command command = {"CLUSTER", "FAILOVER"};
    if (s.kind == FailoverKind::kForce) command.push_back("FORCE");
    if (s.kind == FailoverKind::kTakeover) command.push_back("TAKEOVER");
    Status promoted = run(s.node, command);
    // It is a primary already, but of an epoch that does not count (see planner.md).
    bool needs_epoch = s.kind == FailoverKind::kTakeover && !promoted &&
                       promoted.error().message.find("FAILOVER to a replica") != std::string::npos;
    return needs_epoch ? raise_epoch(s.node) : promoted;
  }

  // One whose epoch is the highest that it knows keeps it, though a primary that is gone may have the same.
  // Then another primary gets a higher one, and the next order to this one has its effect.
  Status raise_epoch(const std::string& name) {
    const resp::Command command = {"CLUSTER", "BUMPEPOCH"};
    Result<resp::Reply> reply = servers_.call(node(name).address, command, options_.call_timeout_ms);
    if (!reply) return fail(reply.error());
    if (!reply->text.starts_with("STILL")) return as_status(node(name).address, command, *reply);
    for (const NodeFacts& other : observed_.nodes) {
      const cluster::PeerView* self = cluster::own_view(other);
      if (other.name != name && other.answering() && self != nullptr && self->primary)
        return run(other.name, command);
    }
    return {};
  }

  Status promote_replicated(const cluster::Promote& s) {
    const NodeFacts& next = node(s.node);
    if (s.kind == FailoverKind::kCoordinated) {
      Status ordered = run(s.from, {"FAILOVER", "TO", next.address.host, fmt::format("{}", next.address.port),
                                    "TIMEOUT", fmt::format("{}", options_.switchover_timeout_ms)});
      if (ordered) engine::hasten_failover(servers_, next.address);
      return ordered;
    }
    if (Status status = platform_.persist_follow(s.node, ""); !status) return status;
    return run(s.node, {"REPLICAOF", "NO", "ONE"});
  }

  resp::Command meet(const cluster::Meet& s) const {
    const Address& address = node(s.node).address;
    return {"CLUSTER", "MEET", address.host, fmt::format("{}", address.port)};
  }

  // One command for many servers at once. An error reply that holds `harmless` (unless empty) is as good as
  // OK.
  Status tell_all(const std::vector<std::string>& names, const resp::Command& command,
                  std::string_view harmless) {
    std::vector<engine::Request> requests;
    for (const std::string& name : names) requests.push_back({node(name).address, {command}});
    std::vector<engine::Response> responses = servers_.exchange(requests, options_.call_timeout_ms);
    Status first;
    for (size_t i = 0; i < responses.size() && first; ++i) {
      if (responses[i].error) {
        first = fail(*responses[i].error);
        continue;
      }
      const resp::Reply& reply = responses[i].replies.front();
      bool excused = !harmless.empty() && reply.text.find(harmless) != std::string::npos;
      if (!excused) first = as_status(requests[i].address, command, reply);
    }
    return first;
  }

  Act move(const cluster::MoveSlots& s) {
    const NodeFacts& from = node(s.from);
    const NodeFacts& to = node(s.to);
    engine::MoveTask task;
    task.from_id = cluster::effective_id(from);
    task.from = from.address;
    engine::describe_target(to, task);
    task.slots = s.slots;
    for (const NodeFacts& other : observed_.nodes) {
      bool tell = other.answering() && other.server.role == Role::kPrimary && other.name != s.from &&
                  other.name != s.to;
      if (tell) task.primaries.push_back(other.address);
      if (other.shard == from.shard && other.name != s.from)
        task.from_others.push_back(cluster::effective_id(other));
      if (other.shard == to.shard && other.name != s.to)
        task.to_others.push_back(cluster::effective_id(other));
    }
    platform::Platform::Account account = platform_.account();
    task.user = account.user;
    task.password = account.password;
    engine::MoveMemory fresh;
    engine::MoveMemory& memory = options_.memories ? options_.memories->of(task.from_id, task.to_id) : fresh;
    Result<engine::MoveProgress> progress = engine::move_slots(servers_, task, options_.move, memory);
    if (!progress) return {fail(progress.error()), {}};
    if (progress->slots_done == 0 && progress->keys_moved == 0 && memory.held.any())
      return {fail(ErrorCode::kUnavailable, engine::why_held(memory)), {}};
    return {{},
            fmt::format("{} and {} moved", count_of(progress->slots_done, "slot"),
                        count_of(progress->keys_moved, "key"))};
  }

  Status close(const cluster::CloseSlots& s) {
    std::vector<resp::Command> commands;
    for (const cluster::SlotRange& range : s.slots) {
      for (int slot = range.first; slot <= range.last; ++slot)
        commands.push_back({"CLUSTER", "SETSLOT", fmt::format("{}", slot), "STABLE"});
    }
    return run_all(s.node, commands);
  }

  // One CONFIG SET for all: the server takes all of them or none.
  Status set_config(const cluster::SetConfig& s) {
    resp::Command command = {"CONFIG", "SET"};
    for (const auto& [name, value] : s.changes) {
      command.push_back(name);
      command.push_back(value);
    }
    if (Status status = run(s.node, command); !status) return status;
    return platform_.persist_config(s.node, s.complete);
  }

  Status apply_users(const cluster::ApplyUsers& s) {
    Result<std::vector<resp::Command>> commands = platform_.stage_users(s.node);
    if (!commands) return fail(commands.error());
    if (Status status = run_all(s.node, *commands); !status) return status;
    return platform_.users_applied(s.node);
  }

  Mode mode_;
  const cluster::Observed& observed_;
  engine::Servers& servers_;
  platform::Platform& platform_;
  const ActOptions& options_;
};

}  // namespace

Act act(const cluster::Step& step, Mode mode, const cluster::Observed& observed, engine::Servers& servers,
        platform::Platform& platform, const ActOptions& options) {
  Actor actor(mode, observed, servers, platform, options);
  return std::visit(actor, step.action);
}

}  // namespace keyway::reconcile
