#include "proxy/dispatcher.h"

#include "base/format.h"
#include "proxy/client.h"
#include "proxy/fan_out.h"
#include "proxy/key_question.h"
#include "proxy/login.h"
#include "proxy/node_commands.h"
#include "proxy/refusals.h"
#include "proxy/rehearsal.h"
#include "proxy/router.h"
#include "proxy/scan.h"
#include "proxy/script_calls.h"
#include "proxy/script_notes.h"
#include "proxy/services.h"
#include "proxy/subscriptions.h"
#include "proxy/tracking.h"
#include "proxy/transactions.h"
#include "resp/command_keys.h"
#include "resp/command_name.h"
#include "resp/slot.h"

namespace keyway::proxy {

namespace {

using resp::CommandSpec;
using Arguments = std::span<const std::string_view>;

void add_slot(KeySlot& found, std::string_view key) {
  uint16_t slot = resp::key_slot(key);
  if (found.kind == KeySlot::Kind::kNone) {
    found = {KeySlot::Kind::kOne, slot};
  } else if (slot != found.slot) {
    found.kind = KeySlot::Kind::kSeveral;
  }
}

// XREAD and XREADGROUP wait only if they say so.
bool waits(const CommandSpec& spec, Arguments arguments) {
  if (spec.key_rule != resp::KeyRule::kStreams) return true;
  for (std::string_view argument : arguments) {
    if (resp::same_name(argument, "block")) return true;
    if (resp::same_name(argument, "streams")) return false;
  }
  return false;
}

// PING, TIME, COMMAND: no harm is done if it is carried out twice.
bool is_harmless(const CommandSpec& spec) {
  return spec.key_rule == resp::KeyRule::kNone && !spec.has(resp::command_flag::kWrite) &&
         spec.group != resp::CommandGroup::kLearnt;
}

// It takes the connection over, or the server away.
bool takes_over(const CommandSpec& spec) {
  constexpr auto never =
      std::to_array<std::string_view>({"asking", "failover", "psync", "replconf", "replicaof",
                                       "restore-asking", "script|debug", "shutdown", "slaveof", "sync"});
  return std::ranges::find(never, spec.name) != never.end();
}

// What concerns one server has one to go to if there is but one shard.
bool goes_to_only_shard(Client& client, const CommandSpec& spec) {
  return client.services().router.routes().shard_slots().size() == 1 && !takes_over(spec);
}

KeySlot slot_by_keys(const CommandSpec& spec, Arguments arguments) {
  KeySlot found;
  if (spec.key_rule == resp::KeyRule::kRange) {
    resp::KeyRange range = resp::key_range(spec, arguments.size());
    for (size_t i = 0; i < range.count; ++i) add_slot(found, arguments[range.first + i * range.step]);
    return found;
  }
  resp::KeyPositions positions;
  if (!resp::key_positions(spec, arguments, positions)) {
    if (spec.key_rule == resp::KeyRule::kAskServer) found.kind = KeySlot::Kind::kUnknown;
    return found;
  }
  positions.for_each([&](size_t position) { add_slot(found, arguments[position]); });
  return found;
}

}  // namespace

Dispatcher::Dispatcher(Services& services) : services_(services) { prepare(resp::CommandTable::builtin()); }

void Dispatcher::learn(std::shared_ptr<const resp::CommandTable> table) {
  learnt_.push_back(std::move(table));
  prepare(*learnt_.back());
}

void Dispatcher::prepare(const resp::CommandTable& table) {
  table_ = &table;
  treatments_.assign(table.size(), {});
  own_.assign(table.size(), nullptr);
  table.for_each([this](const CommandSpec& spec) {
    treatments_[spec.id] = treatment_of(spec);
    if (treatments_[spec.id].handling == Handling::kOwn) own_[spec.id] = find_own_command(spec.name);
  });
}

KeySlot Dispatcher::slot_of(const CommandSpec& spec, Arguments arguments) const {
  KeySlot found = slot_by_keys(spec, arguments);
  if (!sharded_ && found.kind != KeySlot::Kind::kNone) [[unlikely]]
    return {KeySlot::Kind::kOne, 0};
  return found;
}

Verdict Dispatcher::handle(Client& client, CommandView& command) {
  const CommandSpec* spec = table_->find(command.arguments[0]);
  if (spec != nullptr && spec->has(resp::command_flag::kContainer) && command.arguments.size() > 1) {
    const CommandSpec* container = spec;
    spec = table_->find_subcommand(*container, command.arguments[1]);
    if (spec == nullptr) return refuse(client, unknown_subcommand(*container, command.arguments[1]));
  }
  if (spec == nullptr) [[unlikely]] {
    bool own = resp::same_name(command.arguments[0], "keyway");
    return own ? keyway_command(client, command) : refuse(client, unknown_command(command.arguments));
  }
  if (!spec->takes(command.arguments.size())) return refuse(client, wrong_arity(*spec));
  command.spec = spec;
  client.note_command(*spec);
  if (services_.pause.until_ms != 0 && is_paused(client, *spec)) [[unlikely]] {
    client.hold(true);
    return Verdict::kHold;
  }
  if (command.is_inline) [[unlikely]]
    command.bytes = encode(command.arguments, services_.loop.pool());
  Treatment treatment = treatments_[spec->id];
  if (!client.session().plain()) [[unlikely]]
    return in_state(client, command, treatment);
  return carry_out(client, command, treatment);
}

LargePlan Dispatcher::plan_large(Client& client, Arguments arguments, size_t count) const {
  const CommandSpec* spec = arguments.empty() ? nullptr : table_->find(arguments[0]);
  if (spec != nullptr && spec->has(resp::command_flag::kContainer))
    spec = arguments.size() > 1 ? table_->find_subcommand(*spec, arguments[1]) : nullptr;
  const Session& session = client.session();
  if (spec == nullptr || !spec->takes(count) || !session.plain() || session.tracking != nullptr) return {};
  Handling handling = treatments_[spec->id].handling;
  bool by_one_range = spec->key_rule == resp::KeyRule::kRange &&
                      (handling == Handling::kByKeys || handling == Handling::kSplit);
  if (!by_one_range) return {};
  resp::KeyRange range = resp::key_range(*spec, count);
  if (range.count != 1 || range.first >= arguments.size()) return {};
  bool paused = services_.pause.until_ms != 0 && is_paused(client, *spec);
  if (paused) client.hold(true);
  if (paused || !client.nothing_in_flight()) return {.what = LargePlan::What::kHold};
  std::string_view key = arguments[range.first];
  uint16_t slot = sharded_ ? resp::key_slot(key) : uint16_t{0};
  return {LargePlan::What::kPassOn, spec, slot, key};
}

bool Dispatcher::concerns_server(const CommandSpec& spec) const {
  Handling handling = treatments_[spec.id].handling;
  bool of_servers =
      handling == Handling::kAnyServer || handling == Handling::kEveryShard || handling == Handling::kRefused;
  return of_servers && spec.key_rule == resp::KeyRule::kNone && !takes_over(spec);
}

// CLIENT is what ends a pause. What is queued by MULTI is held back at EXEC.
bool Dispatcher::is_paused(Client& client, const CommandSpec& spec) const {
  if (spec.name.starts_with("client")) return false;
  const Transaction* transaction = client.session().transaction.get();
  if (transaction == nullptr || services_.pause.all) return services_.pause.holds(spec);
  return spec.name == "exec" && transaction->may_write;
}

// Before it has logged in, within a transaction, a subscription, or with replies turned off.
Verdict Dispatcher::in_state(Client& client, CommandView& command, Treatment treatment) {
  Session& session = client.session();
  if (session.must_log_in && !command.spec->has(resp::command_flag::kNoAuth))
    return refuse(client, "-NOAUTH Authentication required.\r\n");
  if (session.transaction != nullptr && treatment.handling != Handling::kTransaction &&
      command.spec->name != "quit" && command.spec->name != "reset") {
    return queue_in_transaction(client, command, treatment);
  }
  if (!session.resp3 && session.subscribed() && treatment.handling != Handling::kSubscribe) {
    return while_subscribed(client, command);
  }
  if (session.replies == Replies::kSkipNext) session.replies = Replies::kSkip;
  Verdict verdict = carry_out(client, command, treatment);
  if (session.replies == Replies::kSkip)
    session.replies = verdict == Verdict::kHold ? Replies::kSkipNext : Replies::kOn;
  // CLIENT CACHING holds for one command, or for one transaction.
  bool goes_on = session.transaction != nullptr || command.spec->name == "client|caching";
  if (verdict == Verdict::kTaken && !goes_on) session.caching = {};
  return verdict;
}

Verdict Dispatcher::carry_out(Client& client, CommandView& command, Treatment treatment) {
  switch (treatment.handling) {
    case Handling::kByKeys:
      return by_keys(client, command);
    case Handling::kEval:
      note_scripts(services_.scripts, command, treatment);
      return by_keys(client, command, Channel::kScripts);
    case Handling::kScript:
      return by_keys(client, command, Channel::kScripts);
    case Handling::kEvalSha:
      return by_keys(client, command, Channel::kScripts, ScriptNotes::call_of(command.arguments[1]));
    case Handling::kSplit:
      return split(client, command, treatment.merge);
    case Handling::kBlocking:
      return waits(*command.spec, command.arguments) ? blocking(client, command) : by_keys(client, command);
    case Handling::kAnyServer:
      return to_slot(client, command, Request::kNone);
    case Handling::kByChannel:
      return to_slot(client, command, resp::key_slot(command.arguments[1]));
    case Handling::kEveryShard:
      return to_every_shard(client, command, treatment.merge);
    case Handling::kLoadScript:
      note_scripts(services_.scripts, command, treatment);
      return to_every_shard(client, command, treatment.merge, Channel::kScripts);
    case Handling::kFlushScripts:
      note_scripts(services_.scripts, command, treatment);
      return to_every_shard(client, command, treatment.merge);
    case Handling::kKillScript:
      return kill_script(client, command, treatment.merge);
    case Handling::kCopies:
      return wait_for_copies(client, command);
    case Handling::kSubscribe:
      return subscribe(client, command);
    case Handling::kTransaction:
      return transaction_command(client, command);
    case Handling::kOwn:
      if (OwnCommand own = own_[command.spec->id]; own != nullptr) return own(client, command);
      break;
    case Handling::kRefused:
      if (goes_to_only_shard(client, *command.spec))
        return to_slot(client, command, services_.router.routes().shard_slots().front());
      break;
  }
  return refuse(client, not_through_proxy(*command.spec));
}

Verdict Dispatcher::to_slot(Client& client, const CommandView& command, uint16_t slot, Channel channel,
                            uint64_t script_call) {
  if (client.mixes_ways(services_.router.routes().version(), channel)) [[unlikely]]
    return Verdict::kHold;
  Request* request = client.add(command.spec, command.bytes);
  request->slot = slot;
  request->channel = channel;
  request->readonly = command.spec->has(resp::command_flag::kReadOnly) ||
                      (slot == Request::kNone && is_harmless(*command.spec));
  request->may_lag = services_.router.spreads_reads() && slot != Request::kNone && may_lag(*command.spec) &&
                     client.reads_may_lag();
  if (script_call != 0) [[unlikely]]
    expect_script(client, *request, script_call);
  services_.router.send(request);
  return Verdict::kTaken;
}

Verdict Dispatcher::by_keys(Client& client, const CommandView& command, Channel channel,
                            uint64_t script_call) {
  KeySlot found = slot_of(*command.spec, command.arguments);
  if (found.kind == KeySlot::Kind::kSeveral) return refuse(client, std::string(kCrossSlot));
  if (found.kind == KeySlot::Kind::kUnknown) return ask_for_keys(client, command, channel, false);
  return to_slot(client, command, found.slot, channel, script_call);
}

Verdict Dispatcher::split(Client& client, const CommandView& command, Merge merge) {
  KeySlot found = slot_of(*command.spec, command.arguments);
  if (found.kind != KeySlot::Kind::kSeveral) return to_slot(client, command, found.slot);
  return split_by_shard(client, command, merge);
}

Verdict Dispatcher::blocking(Client& client, const CommandView& command) {
  if (!client.nothing_in_flight()) return Verdict::kHold;
  KeySlot found = slot_of(*command.spec, command.arguments);
  if (found.kind == KeySlot::Kind::kSeveral) return refuse(client, std::string(kCrossSlot));
  if (found.kind == KeySlot::Kind::kUnknown) return ask_for_keys(client, command, Channel::kMain, true);
  Request* request = client.add(command.spec, command.bytes);
  request->slot = found.slot;
  request->leased = true;
  client.wait_for_last();
  services_.router.send(request);
  return Verdict::kTaken;
}

void Dispatcher::answered(Client& client, Request& request) {
  switch (request.follow_up) {
    case FollowUp::kLogin:
    case FollowUp::kHello:
      return login_answered(client, request);
    case FollowUp::kStage:
      return stage_answered(client, request);
    case FollowUp::kAbort:
      return abort_answered(client, request);
    case FollowUp::kExec:
      return exec_answered(client, request);
    case FollowUp::kScan:
      return scan_answered(client, request);
    case FollowUp::kTrack:
      return tracking_answered(client, request);
    case FollowUp::kQueue:
      return rehearsed(client, request);
    case FollowUp::kKeys:
      return keys_told(client, request);
    case FollowUp::kLarge:
      return client.large_answered(request);
    case FollowUp::kScript:
      return script_answered(client, request);
    case FollowUp::kGiveScript:
      return script_given(client, request);
    case FollowUp::kNone:
      return;
  }
}

}  // namespace keyway::proxy
