#include "engine/mover_drain.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/format.h"
#include "base/strings.h"
#include "engine/refusal.h"

namespace keyway::engine {

namespace {

using resp::Command;
using resp::Reply;
using Kind = MoverDrain::Question::Kind;

constexpr int64_t kMaxKeysACall = 2000;
constexpr int64_t kMaxSizes = 4000;        // in a pipeline
constexpr int64_t kListBytes = 256 << 10;  // of names in a list
constexpr int64_t kMinListKeys = 10;
constexpr int64_t kMaxListKeys = 1000;
// Pauses that a healthy target may take must not look like a hung one.
constexpr int64_t kMinTimeoutMs = 100;
// Lists of keys that nothing could be moved of.
constexpr int kMaxIdleLists = 5;
constexpr size_t kTimeoutArgument = 5;  // of MIGRATE

constexpr size_t kShownName = 60;

std::string shown(const std::string& name) {
  std::string text;
  for (char c : name.substr(0, kShownName)) text += c >= ' ' && c < 127 ? c : '?';
  return name.size() > kShownName ? text + "…" : text;
}

}  // namespace

int64_t MoverDrain::room() const {
  int64_t room = memory_.pace.max_weight();
  return limits_.max_bytes_a_pipeline > 0 ? std::min(room, limits_.max_bytes_a_pipeline) : room;
}

int64_t MoverDrain::keys_a_pipeline() const {
  return std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(room()) / key_weight_));
}

// A call moves keys of one slot.
int64_t MoverDrain::keys_a_pipeline(int64_t keys_a_slot) const {
  return std::min(keys_a_pipeline(), keys_a_slot * memory_.pace.max_calls());
}

// Each call of a pipeline may have to wait for a hung target: together no longer than one.
bool MoverDrain::is_full(const Pipeline& pipeline) const {
  int64_t most = std::min(memory_.pace.max_calls(), limits_.migrate_timeout_ms / kMinTimeoutMs);
  return pipeline.load.calls >= std::max<int64_t>(1, most);
}

MoverDrain::Pipeline MoverDrain::plan(std::deque<MovingSlot>& slots, bool moves) {
  Pipeline pipeline;
  pipeline.load.weighed = !memory_.sizes_denied;
  if (moves) plan_moves(slots, pipeline);
  plan_sizes(slots, pipeline);
  plan_lists(slots, pipeline);
  return pipeline;
}

void MoverDrain::plan_moves(std::deque<MovingSlot>& slots, Pipeline& pipeline) {
  int64_t left = room();
  for (MovingSlot& slot : slots) {
    if (slot.stage != MoveStage::kDrain) continue;
    bool emptied = plan_moves_of(slot, pipeline, left);
    if (!emptied) break;
    if (!slot.listed.empty()) continue;
    if (!slot.all_listed) {
      ask_list(slot, pipeline);
      continue;
    }
    pipeline.commands.push_back({"CLUSTER", "COUNTKEYSINSLOT", std::to_string(slot.slot)});
    pipeline.questions.push_back({Kind::kCount, &slot});
  }
  set_timeouts(pipeline);
}

// False if there was no room for all that is ready.
bool MoverDrain::plan_moves_of(MovingSlot& slot, Pipeline& pipeline, int64_t& room) {
  int64_t most =
      limits_.max_keys_a_call > 0 ? std::min(limits_.max_keys_a_call, kMaxKeysACall) : kMaxKeysACall;
  while (!slot.ready.empty()) {
    pipeline.load.out_of_calls = is_full(pipeline);
    if (pipeline.load.out_of_calls) return false;
    size_t count = 0;
    while (count < slot.ready.size() && static_cast<int64_t>(count) < most &&
           slot.ready[count].weight() <= room) {
      room -= slot.ready[count++].weight();
    }
    // What is too big for any pipeline goes alone.
    pipeline.load.out_of_weight = count < slot.ready.size() && static_cast<int64_t>(count) < most;
    if (count == 0 && pipeline.load.calls > 0) return false;
    if (count == 0) room = 0;
    add_call(slot, std::max<size_t>(1, count), pipeline);
  }
  return true;
}

void MoverDrain::add_call(MovingSlot& slot, size_t count, Pipeline& pipeline) const {
  // REPLACE: the slot is open between these two, so a key on both was copied by a MIGRATE that was
  // interrupted before it deleted the original. Clients were served by the source all the while (it sends
  // away only for keys it has not), so its value is the newer one.
  const Address& to = task_.to_announced.empty() ? task_.to : task_.to_announced;
  Command command = {"MIGRATE", to.host, std::to_string(to.port), "", "0", "", "REPLACE"};
  if (!task_.user.empty()) {
    command.insert(command.end(), {"AUTH2", task_.user, task_.password});
  } else if (!task_.password.empty()) {
    command.insert(command.end(), {"AUTH", task_.password});
  }
  command.push_back("KEYS");
  Question question{Kind::kMigrate, &slot, static_cast<int64_t>(count)};
  for (size_t i = 0; i < count; ++i) {
    SizedKey& key = slot.ready.front();
    question.bytes += key.size_bytes;
    pipeline.load.weight += key.weight();
    command.push_back(std::move(key.name));
    slot.ready.pop_front();
  }
  ++pipeline.load.calls;
  pipeline.load.keys += question.keys;
  pipeline.commands.push_back(std::move(command));
  pipeline.questions.push_back(question);
}

void MoverDrain::set_timeouts(Pipeline& pipeline) const {
  if (pipeline.load.calls == 0) return;
  int64_t expected_ms = memory_.pace.estimate_us(pipeline.load.weight) / 1000;
  int64_t each_ms = std::max(limits_.migrate_timeout_ms / pipeline.load.calls, 3 * expected_ms);
  // The source may wait its timeout for the connection and once more for an answer.
  pipeline.hang_ms = 2 * each_ms * pipeline.load.calls;
  for (size_t i = 0; i < pipeline.commands.size(); ++i) {
    if (pipeline.questions[i].kind == Kind::kMigrate)
      pipeline.commands[i][kTimeoutArgument] = std::to_string(each_ms);
  }
}

void MoverDrain::ask_list(MovingSlot& slot, Pipeline& pipeline) {
  slot.begun = true;
  pipeline.commands.push_back(
      {"CLUSTER", "GETKEYSINSLOT", std::to_string(slot.slot), std::to_string(list_keys_)});
  pipeline.questions.push_back({Kind::kList, &slot, list_keys_});
}

// So many that the next pipelines are full, and not many more: a key that is gone by then was listed in vain.
void MoverDrain::plan_sizes(std::deque<MovingSlot>& slots, Pipeline& pipeline) {
  int64_t wanted = std::min(kMaxSizes, 2 * keys_a_pipeline());
  for (const MovingSlot& slot : slots) {
    if (slot.undrained()) wanted -= static_cast<int64_t>(slot.ready.size());
  }
  for (MovingSlot& slot : slots) {
    if (!slot.undrained()) continue;
    for (; wanted > 0 && !slot.listed.empty(); --wanted) {
      pipeline.commands.push_back({"MEMORY", "USAGE", std::move(slot.listed.front())});
      pipeline.questions.push_back({Kind::kSize, &slot, 1});
      slot.listed.pop_front();
    }
  }
}

void MoverDrain::plan_lists(std::deque<MovingSlot>& slots, Pipeline& pipeline) {
  int64_t wanted = 3 * keys_a_pipeline();
  for (MovingSlot& slot : slots) {
    if (!slot.undrained()) continue;
    wanted -= static_cast<int64_t>(slot.ready.size() + slot.listed.size());
    if (wanted <= 0) return;
    if (slot.begun) continue;  // the next list comes after what is on its way
    ask_list(slot, pipeline);
    wanted -= std::max<int64_t>(1, static_cast<int64_t>(memory_.keys_a_slot));
  }
}

Status MoverDrain::apply(const Pipeline& pipeline, std::vector<Reply>& replies, MoveProgress& progress) {
  Status first;
  for (size_t i = 0; i < std::min(replies.size(), pipeline.questions.size()); ++i) {
    Status taken = take(pipeline.questions[i], pipeline.commands[i], replies[i], progress);
    if (first && !taken) first = taken;
  }
  if (replies.size() < pipeline.questions.size() && pipeline.load.calls > 0) memory_.unsettled = true;
  return first;
}

Status MoverDrain::take(const Question& question, const Command& command, Reply& reply,
                        MoveProgress& progress) {
  switch (question.kind) {
    case Kind::kMigrate:
      return take_migrated(question, command, reply, progress);
    case Kind::kCount:
      return take_count(question, command, reply);
    case Kind::kList:
      return take_list(question, command, reply);
    case Kind::kSize:
      return take_size(question, command, reply);
  }
  return {};
}

Status MoverDrain::refused(MovingSlot& slot, const Command& command, const Reply& reply) const {
  slot.stage = MoveStage::kStuck;
  return fail(refusal(task_.from, command, reply));
}

Status MoverDrain::take_migrated(const Question& question, const Command& command, const Reply& reply,
                                 MoveProgress& progress) {
  // NOKEY: they were deleted or expired meanwhile.
  bool none_left = reply.type == resp::ReplyType::kStatus && reply.text == "NOKEY";
  if (!reply.ok() && !none_left) {
    if (reply.error_code() == "IOERR") memory_.unsettled = true;
    return refused(*question.slot, command, reply);
  }
  if (none_left) return {};
  question.slot->lists = 0;
  question.slot->keys_moved += question.keys;
  progress.keys_moved += question.keys;
  progress.bytes_moved += question.bytes;
  return {};
}

// The last look before a slot changes hands: the count is of all databases, the list only of one.
Status MoverDrain::take_count(const Question& question, const Command& command, const Reply& reply) {
  MovingSlot& slot = *question.slot;
  if (slot.stage != MoveStage::kDrain) return {};
  if (reply.type != resp::ReplyType::kInteger) return refused(slot, command, reply);
  if (reply.integer > 0) {
    slot.all_listed = false;
    return {};
  }
  slot.stage = MoveStage::kHandOver;
  double keys = static_cast<double>(slot.keys_moved);
  memory_.keys_a_slot = memory_.keys_a_slot > 0 ? 0.9 * memory_.keys_a_slot + 0.1 * keys : keys;
  return {};
}

Status MoverDrain::take_list(const Question& question, const Command& command, Reply& reply) {
  MovingSlot& slot = *question.slot;
  if (!slot.undrained()) return {};
  if (reply.type != resp::ReplyType::kArray) return refused(slot, command, reply);
  if (++slot.lists > kMaxIdleLists) {
    slot.stage = MoveStage::kStuck;
    return fail(ErrorCode::kConflict,
                fmt::format("slot {} stays on {}: it has keys that cannot be moved (in a database other than "
                            "0?); see CLUSTER COUNTKEYSINSLOT {} there",
                            slot.slot, to_string(task_.from), slot.slot));
  }
  int64_t bytes = 0;
  for (Reply& key : reply.elements) {
    bytes += static_cast<int64_t>(key.text.size());
    if (memory_.sizes_denied) {
      slot.ready.push_back({std::move(key.text), 0});
    } else {
      slot.listed.push_back(std::move(key.text));
    }
  }
  auto count = static_cast<int64_t>(reply.elements.size());
  slot.all_listed = count < question.keys;
  if (count > 0) list_keys_ = std::clamp(kListBytes * count / (bytes + 1), kMinListKeys, kMaxListKeys);
  return {};
}

Status MoverDrain::take_size(const Question& question, const Command& command, const Reply& reply) {
  MovingSlot& slot = *question.slot;
  if (!slot.undrained() || reply.is_null()) return {};  // null: deleted since it was listed
  SizedKey key{command.back(), 0};
  if (reply.type == resp::ReplyType::kInteger) {
    key.size_bytes = std::max<int64_t>(0, reply.integer);
    double weight = static_cast<double>(std::min(key.weight(), memory_.pace.max_weight()));
    key_weight_ += (weight - key_weight_) / 256;
  } else if (reply.error_code() != "ASK") {
    memory_.sizes_denied = true;  // without sizes only time tells
  }
  // ASK: the key has expired, but stays until somebody asks for it; MIGRATE does.
  Status fits = check_size(slot, key);
  slot.ready.push_back(std::move(key));
  return fits;
}

Status MoverDrain::check_size(MovingSlot& slot, const SizedKey& key) {
  int64_t stall_ms = memory_.pace.estimate_us(key.weight()) / 1000;
  if (stall_ms <= limits_.max_call_ms) return {};
  if (limits_.max_stall_ms > 0 && stall_ms > limits_.max_stall_ms) {
    slot.stage = slot.stage == MoveStage::kDrain ? MoveStage::kStuck : slot.stage;
    return fail(ErrorCode::kConflict,
                fmt::format("key '{}' of slot {} has {}: moving it would block {} and {} for about {}, so "
                            "long that the others would take them for dead; raise cluster-node-timeout, or "
                            "split the key",
                            shown(key.name), slot.slot, human_bytes(key.size_bytes), to_string(task_.from),
                            to_string(task_.to), human_duration(stall_ms)));
  }
  if (hooks_.on_big_key) hooks_.on_big_key({slot.slot, key.name, key.size_bytes, stall_ms});
  return {};
}

}  // namespace keyway::engine
