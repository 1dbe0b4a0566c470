#include "admin/key_migration.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "admin/key_copy.h"
#include "base/format.h"
#include "base/strings.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using engine::Request;
using engine::Response;
using resp::Command;
using resp::Reply;

// How long the source waits for the target in each step of a call.
constexpr int64_t kMigrateTimeoutMs = 10'000;
constexpr int64_t kPatienceMs = 30'000;
constexpr int64_t kPauseMs = 100;
constexpr int64_t kMaxCallMs = 20;
constexpr int64_t kMaxCallBytes = int64_t{1} << 20;
constexpr size_t kMaxKeysACall = 1000;
// Waiting for one another: a target that hangs costs the source its timeout in each call.
constexpr size_t kCallsAtOnce = 64;

constexpr std::string_view kRelayed = "ERR Target instance replied with error: ";

}  // namespace

MigrationTrouble trouble_of(std::string_view refused) {
  if (refused.starts_with("IOERR")) return MigrationTrouble::kUnreachable;
  if (refused.starts_with(kRelayed)) refused.remove_prefix(kRelayed.size());
  std::string_view code = refused.substr(0, refused.find(' '));
  if (code == "BUSYKEY") return MigrationTrouble::kBusy;
  for (std::string_view later :
       {"MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY"}) {
    if (code == later) return MigrationTrouble::kLater;
  }
  return MigrationTrouble::kFinal;
}

// Keys that go from the same server to the same server; of a cluster those of one slot, since it refuses
// others together.
std::vector<KeyMigration::Call> KeyMigration::make_calls(std::vector<FoundKey> keys, size_t max_keys) const {
  std::map<std::tuple<Address, Address, int>, Call> open;
  std::vector<Call> calls;
  for (FoundKey& key : keys) {
    cluster::Slot slot = resp::key_slot(key.key);
    std::tuple where(from_.owner(slot), to_.announced_owner(slot), from_.is_cluster() ? int{slot} : -1);
    Call& call = open[where];
    if (!call.keys.empty() &&
        (call.keys.size() >= max_keys || size_of(call.keys) + key.size_bytes > kMaxCallBytes)) {
      calls.push_back(std::exchange(call, {}));
    }
    call.source = std::get<0>(where);
    call.target = std::get<1>(where);
    call.keys.push_back(std::move(key));
  }
  for (auto& [where, call] : open) calls.push_back(std::move(call));
  return calls;
}

// MIGRATE does not tell how many of its keys there were.
Command KeyMigration::counting(const Call& call) {
  Command exists = {"EXISTS"};
  for (const FoundKey& key : call.keys) exists.push_back(key.key);
  return exists;
}

Command KeyMigration::command(const Call& call) const {
  Command migrate = {"MIGRATE",
                     call.target.host,
                     std::to_string(call.target.port),
                     "",
                     "0",
                     std::to_string(kMigrateTimeoutMs)};
  if (replace_) migrate.emplace_back("REPLACE");
  if (!session_.password.empty()) {
    if (session_.user.empty()) {
      migrate.insert(migrate.end(), {"AUTH", session_.password});
    } else {
      migrate.insert(migrate.end(), {"AUTH2", session_.user, session_.password});
    }
  }
  migrate.emplace_back("KEYS");
  for (const FoundKey& key : call.keys) migrate.push_back(key.key);
  return migrate;
}

Result<MigrationOutcome> KeyMigration::move(const std::vector<FoundKey>& keys) {
  MigrationOutcome outcome;
  std::vector<FoundKey> open = keys;
  size_t max_keys = keys_a_call_;
  int64_t last_progress_ms = now_ms();
  while (!open.empty()) {
    std::vector<FoundKey> left;
    size_t before = open.size();
    if (Status done = carry_out(make_calls(std::move(open), max_keys), left, outcome); !done) {
      return fail(done.error());
    }
    open = std::move(left);
    if (open.empty()) break;
    max_keys = 1;  // what is refused is found out key by key
    if (open.size() < before) last_progress_ms = now_ms();
    if (!trouble_) continue;
    if (session_.interrupted() || now_ms() - last_progress_ms > kPatienceMs) return fail(*trouble_);
    Keyspace::pause(kPauseMs);
    // What is wrong shows in what is answered next.
    if (std::exchange(wants_look_, false)) {
      (void)to_.look();
      (void)from_.look();
    }
  }
  return outcome;
}

Status KeyMigration::carry_out(std::vector<Call> calls, std::vector<FoundKey>& left,
                               MigrationOutcome& outcome) {
  trouble_.reset();
  for (size_t first = 0; first < calls.size(); first += kCallsAtOnce) {
    size_t count = std::min(calls.size() - first, kCallsAtOnce);
    if (Status done = send(std::span(calls).subspan(first, count), left, outcome); !done) return done;
  }
  return {};
}

// All sources at once, the calls of each in a row.
Status KeyMigration::send(std::span<Call> calls, std::vector<FoundKey>& left, MigrationOutcome& outcome) {
  std::map<Address, std::vector<Call*>> by_source;
  for (Call& call : calls) by_source[call.source].push_back(&call);
  std::vector<Request> requests;
  for (const auto& [source, own] : by_source) {
    Request& request = requests.emplace_back(Request{source, {}});
    for (const Call* call : own) {
      request.commands.push_back(counting(*call));
      request.commands.push_back(command(*call));
    }
  }
  int64_t begin_ms = now_ms();
  std::vector<Response> responses =
      from_.tell(std::move(requests), batch_timeout_ms(kMaxCallBytes) + 2 * kMigrateTimeoutMs);
  int64_t elapsed_ms = now_ms() - begin_ms;
  size_t i = 0;
  for (const auto& [source, own] : by_source) {
    adapt(elapsed_ms / static_cast<int64_t>(own.size()), own.front()->keys.size());
    if (Status taken = take_all(own, responses[i++], left, outcome); !taken) return taken;
  }
  return {};
}

Status KeyMigration::take_all(const std::vector<Call*>& calls, Response& response,
                              std::vector<FoundKey>& left, MigrationOutcome& outcome) {
  for (size_t i = 0; i < calls.size(); ++i) {
    if (2 * i + 1 < response.replies.size()) {
      int64_t present = response.replies[2 * i].integer;
      if (Status taken = take(*calls[i], present, response.replies[2 * i + 1], left, outcome); !taken)
        return taken;
    } else {
      std::move(calls[i]->keys.begin(), calls[i]->keys.end(), std::back_inserter(left));
    }
  }
  if (!response.error) return {};
  trouble_ = response.error;
  wants_look_ = true;
  bool passing = trouble_->code == ErrorCode::kUnavailable || trouble_->code == ErrorCode::kTimeout;
  return passing ? Status{} : fail(*trouble_);
}

Status KeyMigration::take(Call& call, int64_t present, const Reply& reply, std::vector<FoundKey>& left,
                          MigrationOutcome& outcome) {
  bool nothing_there = reply.type == resp::ReplyType::kStatus && reply.text == "NOKEY";
  if (reply.ok() || nothing_there) {
    any_arrived_ = any_arrived_ || reply.ok();
    if (reply.ok()) outcome.moved += present;
    return {};
  }
  MigrationTrouble trouble = trouble_of(reply.text);
  if (trouble == MigrationTrouble::kFinal) return fail(final_error(call, reply.text));
  if (trouble == MigrationTrouble::kUnreachable && !any_arrived_) return fail(unreachable(call, reply.text));
  if (trouble == MigrationTrouble::kBusy && call.keys.size() == 1) {
    outcome.busy.push_back(std::move(call.keys.front().key));
    return {};
  }
  if (trouble != MigrationTrouble::kBusy) {
    trouble_ = trouble == MigrationTrouble::kUnreachable
                   ? unreachable(call, reply.text)
                   : engine::refusal(call.source,
                                     {"MIGRATE", call.target.host, std::to_string(call.target.port)}, reply);
    wants_look_ = true;
  }
  // Others of the call may have arrived.
  Result<std::vector<FoundKey>> there = still_there(call.keys);
  if (!there) return fail(there.error());
  outcome.moved += std::max<int64_t>(0, present - static_cast<int64_t>(there->size()));
  std::move(there->begin(), there->end(), std::back_inserter(left));
  return {};
}

Result<std::vector<FoundKey>> KeyMigration::still_there(const std::vector<FoundKey>& keys) {
  auto questions =
      commands_for(keys, [](const std::string& key) { return std::vector<Command>{{"EXISTS", key}}; });
  Result<Keyspace::Answers> answers = from_.ask(std::move(questions), batch_timeout_ms(0));
  if (!answers) return fail(answers.error());
  std::vector<FoundKey> there;
  for (size_t i = 0; i < keys.size(); ++i) {
    if ((*answers)[i][0].integer > 0) there.push_back(keys[i]);
  }
  return there;
}

Error KeyMigration::unreachable(const Call& call, std::string_view refused) const {
  return Error{
      ErrorCode::kUnavailable,
      fmt::format("{} cannot send keys to {}: {}. The source must reach the target at that address, in "
                  "plain text or TLS as the target wants it. With --copy the keys travel through this "
                  "machine instead, and stay at the source",
                  to_string(call.source), to_string(call.target), refused)};
}

Error KeyMigration::final_error(const Call& call, std::string_view refused) const {
  std::string_view said = refused;
  bool relayed = said.starts_with(kRelayed);
  if (relayed) said.remove_prefix(kRelayed.size());
  std::string_view code = said.substr(0, said.find(' '));
  if (relayed && (code == "NOAUTH" || code == "WRONGPASS" || code == "NOPERM")) {
    return Error{ErrorCode::kDenied, fmt::format("{} refused the login of the source {}: {}",
                                                 to_string(call.target), to_string(call.source), said)};
  }
  if (relayed) return restore_error(from_, to_, call.target, call.keys.front().key, said);
  Reply reply;
  reply.type = resp::ReplyType::kError;
  reply.text = refused;
  return engine::refusal(call.source, command(call), reply);
}

void KeyMigration::adapt(int64_t call_ms, size_t keys) {
  if (call_ms > kMaxCallMs) {
    keys_a_call_ = std::max<size_t>(1, std::min(keys_a_call_, keys) / 2);
  } else if (call_ms * 2 <= kMaxCallMs && keys >= keys_a_call_) {
    keys_a_call_ = std::min(kMaxKeysACall, keys_a_call_ * 2);
  }
}

}  // namespace keyway::admin
