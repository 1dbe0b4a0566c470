#include "admin/fix_context.h"

#include <algorithm>

#include "admin/look.h"
#include "base/format.h"
#include "engine/meet.h"
#include "engine/refusal.h"

namespace keyway::admin {

namespace {

using cluster::NodeFacts;
using cluster::PeerView;
using cluster::Slot;
using resp::Command;
using resp::Reply;

constexpr int64_t kCommandMs =
    20;  // Valkey does one SETSLOT after the other, each with its replicas' consent
constexpr size_t kMeetsAtOnce = 64;

}  // namespace

void FixContext::done(std::string what) const {
  session_.reporter.note(what);
  result_.done.push_back(std::move(what));
}

Result<bool> FixContext::consent(const std::string& question) const {
  if (question.empty() || options_.yes) return true;
  return session_.reporter.confirm(question);
}

Result<const NodeFacts*> FixContext::node(const std::string& id) const {
  const NodeFacts* facts = scene_.answering(id);
  if (facts == nullptr)
    return fail(ErrorCode::kUnavailable, fmt::format("{} does not answer", scene_.label(id)));
  return facts;
}

Result<std::vector<Reply>> FixContext::ask(const std::string& id,
                                           const std::vector<Command>& commands) const {
  if (commands.empty()) return std::vector<Reply>{};
  Result<const NodeFacts*> facts = node(id);
  if (!facts) return fail(facts.error());
  int64_t timeout_ms = session_.timeout_ms + kCommandMs * static_cast<int64_t>(commands.size());
  const Address& address = (*facts)->address;
  engine::Response response = std::move(session_.servers.exchange({{address, commands}}, timeout_ms).front());
  if (response.error) return fail(std::move(*response.error));
  for (size_t i = 0; i < commands.size(); ++i) {
    if (response.replies[i].is_error())
      return fail(engine::refusal(address, commands[i], response.replies[i]));
  }
  return std::move(response.replies);
}

Status FixContext::transact(const std::string& id, const std::vector<Command>& commands) const {
  std::vector<Command> all = {{"MULTI"}};
  all.insert(all.end(), commands.begin(), commands.end());
  all.push_back({"EXEC"});
  Result<std::vector<Reply>> replies = ask(id, all);
  if (!replies) return fail(replies.error());
  const Reply& exec = replies->back();
  for (size_t i = 0; i < std::min(exec.elements.size(), commands.size()); ++i) {
    if (!exec.elements[i].is_error()) continue;
    return fail(engine::refusal(scene_.answering(id)->address, commands[i], exec.elements[i]));
  }
  return {};
}

Status FixContext::greet(const std::string& id, const std::vector<std::string>& others) const {
  std::vector<Command> commands;
  for (const std::string& other : others) {
    const NodeFacts* facts = scene_.answering(other);
    if (facts == nullptr || other == id) continue;
    Address at = meeting_address(session_, scene_.observed(), *facts);
    const PeerView* own = cluster::own_view(*facts);
    commands.push_back(engine::meet_command(at, own == nullptr ? 0 : own->bus_port));
  }
  for (size_t begin = 0; begin < commands.size(); begin += kMeetsAtOnce) {
    size_t end = std::min(commands.size(), begin + kMeetsAtOnce);
    auto at = commands.begin();
    auto met = ask(id, {at + static_cast<ptrdiff_t>(begin), at + static_cast<ptrdiff_t>(end)});
    if (!met) return fail(met.error());
  }
  return {};
}

Status FixContext::greet_all(const std::string& id) const {
  std::vector<std::string> others;
  for (const NodeFacts& facts : scene_.observed().nodes) {
    if (facts.answering()) others.push_back(facts.server.id);
  }
  return greet(id, others);
}

const PeerView* FixContext::view(const std::string& viewer, const std::string& id) const {
  const NodeFacts* facts = scene_.answering(viewer);
  if (facts == nullptr) return nullptr;
  for (const PeerView& peer : facts->server.peers) {
    if (peer.id == id && !peer.handshake) return &peer;
  }
  return nullptr;
}

cluster::SlotSet FixContext::open_on(const std::string& id, bool importing) const {
  cluster::SlotSet slots;
  const NodeFacts* facts = scene_.answering(id);
  if (facts == nullptr) return slots;
  for (const cluster::OpenSlot& open : facts->server.open_slots) {
    if (open.importing == importing) slots.set(open.slot);
  }
  return slots;
}

std::vector<std::vector<Slot>> portions(const cluster::SlotRanges& slots, size_t size) {
  std::vector<std::vector<Slot>> parts;
  for (const cluster::SlotRange& range : slots) {
    for (int slot = range.first; slot <= range.last; ++slot) {
      if (parts.empty() || parts.back().size() >= size) parts.emplace_back();
      parts.back().push_back(static_cast<Slot>(slot));
    }
  }
  return parts;
}

Command set_slot(Slot slot, const char* how, const std::string& id) {
  Command command = {"CLUSTER", "SETSLOT", std::to_string(slot), how};
  if (!id.empty()) command.push_back(id);
  return command;
}

}  // namespace keyway::admin
