#include "admin/forgetting.h"

#include <algorithm>

#include "admin/joining.h"
#include "base/format.h"
#include "base/strings.h"
#include "engine/observe.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using resp::Command;

constexpr int64_t kTellTimeoutMs = 20'000;   // well below the 60 s of the ban
constexpr int64_t kResetTimeoutMs = 30'000;  // a replica deletes all its keys
constexpr int kMostReturns = 5;

// How many nodes a table lists, and whether `id` is among them.
struct Table {
  size_t nodes = 0;
  bool has_id = false;
};

Table table_of(const engine::Response& response, const std::string& id) {
  Table table;
  if (response.error || response.replies.front().is_error()) return table;
  auto peers = engine::parse_cluster_nodes(response.replies.front().text, nullptr);
  if (!peers) return table;
  table.nodes = peers->size();
  table.has_id =
      std::any_of(peers->begin(), peers->end(), [&](const cluster::PeerView& peer) { return peer.id == id; });
  return table;
}

}  // namespace

Status Forgetting::reset() {
  if (node_.empty()) return {};
  // Soft: it keeps its id, which the others have banned.
  Command command = {"CLUSTER", "RESET", "SOFT"};
  Result<resp::Reply> reply = session_.servers.call(node_, command, kResetTimeoutMs);
  if (!reply) return fail(reply.error());
  if (reply->ok()) return {};
  Error refused = engine::refusal(node_, command, *reply);
  if (reply->text.find("containing keys") != std::string::npos) {
    refused.message +=
        "; it holds keys of slots that it does not own: `fix` brings them to where they belong; the node was "
        "not removed";
  }
  return fail(std::move(refused));
}

// Whether all have forgotten it; `untold` are those that have not.
bool Forgetting::tell_round(std::vector<Address>& untold) {
  Command command = {"CLUSTER", "FORGET", id_};
  std::vector<engine::Request> requests;
  for (const Address& address : untold) requests.push_back({address, {command}});
  std::vector<engine::Response> responses = session_.servers.exchange(requests, session_.timeout_ms);
  untold.clear();
  errors_.clear();
  for (size_t i = 0; i < requests.size(); ++i) {
    const Address& address = requests[i].address;
    if (responses[i].error) {
      errors_.push_back(*responses[i].error);
    } else {
      const resp::Reply& reply = responses[i].replies.front();
      bool done = reply.ok() || reply.text.find("Unknown node") != std::string::npos;
      if (done) continue;
      errors_.push_back(engine::refusal(address, command, reply));
    }
    untold.push_back(address);
  }
  return untold.empty();
}

// Not cut off by an interruption: a node that only some have forgotten comes back.
Status Forgetting::tell() {
  std::vector<Address> untold = others_;
  Session steady = session_;
  steady.interrupted = [] { return false; };
  auto refused = [this] {
    return std::any_of(errors_.begin(), errors_.end(),
                       [](const Error& error) { return error.code == ErrorCode::kDenied; });
  };
  wait_until(steady, [&] { return tell_round(untold) || refused(); }, kTellTimeoutMs);
  if (untold.empty()) return {};
  return fail(combined(fmt::format("{} of {} nodes have not forgotten {} and will bring it back within a "
                                   "minute; the same command again goes on from here:",
                                   untold.size(), others_.size(), id_),
                       errors_));
}

std::vector<Address> Forgetting::who_knows() {
  std::vector<engine::Request> requests;
  for (const Address& address : others_) requests.push_back({address, {{"CLUSTER", "NODES"}}});
  std::vector<engine::Response> responses = session_.servers.exchange(requests, session_.timeout_ms);
  std::vector<Address> knowing;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (table_of(responses[i], id_).has_id) knowing.push_back(requests[i].address);
  }
  return knowing;
}

// Whether the node knows nobody, as after its reset.
bool Forgetting::is_alone() {
  if (node_.empty()) return true;
  std::vector<engine::Response> responses =
      session_.servers.exchange({{node_, {{"CLUSTER", "NODES"}}}}, session_.timeout_ms);
  return table_of(responses.front(), id_).nodes <= 1;
}

Status Forgetting::watch(int64_t watch_ms) {
  int64_t quiet_since_ms = now_ms();
  int returns = 0;
  Status failed;
  bool ended = wait_until(
      session_,
      [&] {
        std::vector<Address> knowing = who_knows();
        bool alone = is_alone();
        if (knowing.empty() && alone) return now_ms() - quiet_since_ms >= watch_ms;
        quiet_since_ms = now_ms();
        if (++returns > kMostReturns) {
          failed = fail(ErrorCode::kConflict,
                        fmt::format("{} comes back each time that it was forgotten: some node that does not "
                                    "answer here still tells of it",
                                    id_));
          return true;
        }
        session_.reporter.note(fmt::format("{} came back and is forgotten again", id_));
        if (!alone) failed = reset();
        if (failed && !tell_round(knowing)) failed = fail(combined("cannot be told to forget it:", errors_));
        return !failed;
      },
      (kMostReturns + 1) * (watch_ms + session_.timeout_ms));
  if (ended || session_.interrupted()) return failed;
  return fail(ErrorCode::kTimeout,
              fmt::format("{} was forgotten, but the nodes answer too slowly to see that it stays so", id_));
}

// It is as removed without that.
void Forgetting::rename() {
  if (node_.empty() || !is_alone()) return;
  Command command = {"CLUSTER", "RESET", "HARD"};
  Result<resp::Reply> reply = session_.servers.call(node_, command, kResetTimeoutMs);
  bool renamed = reply && reply->ok();
  if (renamed) return;
  session_.reporter.warn(fmt::format(
      "{} keeps its id, so it cannot be added again within a minute (or CLUSTER RESET HARD on it first)",
      to_string(node_)));
}

}  // namespace keyway::admin
