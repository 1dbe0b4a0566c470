#include "engine/mover_slice.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/format.h"
#include "engine/mover_claims.h"
#include "engine/mover_lost_importer.h"
#include "engine/mover_stale.h"

namespace keyway::engine {

namespace {

using cluster::Slot;

constexpr int64_t kMaxEmptyUs = 50'000;  // how long an empty slot may wait for company
constexpr int64_t kUnknownKeysASlot = 1000;
constexpr size_t kToldAtOnce = 64;
// Of keys that are listed or expected.
constexpr int64_t kLeastPipelinesAhead = 2;
constexpr int64_t kMostPipelinesAhead = 16;
// Others may have moved slots of the pair meanwhile.
constexpr int64_t kNotAtWorkUs = 2'000'000;
// Open while none can be handed over yet.
constexpr size_t kSlotsAhead = 1024;

int64_t machine_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

int64_t MoverSlice::now_us() const { return limits_.clock_ms ? limits_.clock_ms() * 1000 : machine_us(); }

Status MoverSlice::run() {
  if (Status looked = look(); !looked) return looked;
  if (Status sorted = sort_out(); !sorted) return sorted;
  if (Status told = tell_owner_of_open(); !told) return told;
  if (Status held = hold_back(); !held) return held;
  if (memory_.unsettled) {
    if (Status dropped = drop_stale_copies(servers_, task_); !dropped) return dropped;
    memory_.unsettled = false;
  }
  if (Status outwaited = outwait_old_news(); !outwaited) return outwaited;
  while (!gone_ && turn()) {
    finish_turn();
  }
  finish_turn();
  tell_others();
  memory_.sliced_us = now_us();
  return first_error_;
}

// Had the source got these slots just now, a message that it sent before could still be on its way to the
// target. A target that takes over what it imports would do so with the keys still at the source: nothing is
// opened before. One that misses claims would not keep what it takes: nothing is handed over before it has
// heard them, for which the source needs a slot that is not open.
Status MoverSlice::outwait_old_news() {
  if (waiting_.empty() || is_at_work()) return {};
  if (!task_.target_takes_over && !task_.target_misses_claims) return {};
  if (task_.target_misses_claims) {
    memory_.claimed = views_.from.owned;
    memory_.claims_due_us = now_us() + kOldNewsMs * 1000;
    if ((views_.from.owned & ~cluster::to_set(task_.slots)).any()) return {};
  }
  int64_t begin_us = now_us();
  pause(kOldNewsMs);
  Status heard = task_.target_misses_claims ? hear_claims() : Status{};
  end_us_ += now_us() - begin_us;
  drain_end_us_ += now_us() - begin_us;
  return heard;
}

// Who is at work on the pair has waited already.
bool MoverSlice::is_at_work() const {
  int64_t since_us = memory_.sliced_us < 0 ? kNotAtWorkUs : now_us() - memory_.sliced_us;
  if (!task_.target_misses_claims) return since_us < kOldNewsMs * 1000;
  bool all_claimed = std::ranges::all_of(
      waiting_, [this](Slot slot) { return views_.to.owned[slot] || memory_.claimed[slot]; });
  return all_claimed && since_us < kNotAtWorkUs;
}

Status MoverSlice::hear_claims() {
  if (Status looked = look(); !looked) return looked;
  Status heard = make_claims_heard(servers_, task_, views_, [this](int64_t pause_ms) { pause(pause_ms); });
  memory_.claims_due_us = -1;
  if (!heard) memory_.claimed.reset();
  return heard;
}

void MoverSlice::pause(int64_t pause_ms) const {
  if (limits_.pause_ms) return limits_.pause_ms(pause_ms);
  std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
}

Status MoverSlice::look() {
  int64_t begin_us = now_us();
  Result<MoverViews> views = look_at_pair(servers_, task_);
  if (!views) return fail(views.error());
  memory_.pace.learn_way(now_us() - begin_us);
  views_ = *views;
  return {};
}

// Finds what is to be moved: what the target owns already was interrupted just before its last step; then
// open slots; then closed ones.
Status MoverSlice::sort_out() {
  std::vector<Slot> open;
  std::vector<Slot> closed;
  for (const cluster::SlotRange& range : task_.slots) {
    for (int number = range.first; number <= range.last; ++number) {
      auto slot = static_cast<Slot>(number);
      bool foreign = views_.from.foreign[slot] || views_.to.foreign[slot];
      if (views_.to.owned[slot]) {
        waiting_.push_back(slot);
      } else if (!views_.from.owned[slot] || foreign) {
        return fail(
            ErrorCode::kConflict,
            fmt::format("slot {} cannot move from {} to {}: {}", slot, to_string(task_.from),
                        to_string(task_.to),
                        views_.from.owned[slot] ? "it is already open between other nodes; close it first"
                                                : "neither of them owns it"));
      } else {
        (views_.open(slot) ? open : closed).push_back(slot);
      }
    }
  }
  // Whoever opened it may have been interrupted in any way.
  for (Slot slot : open) memory_.unsettled = memory_.unsettled || !memory_.opened[slot];
  waiting_.insert(waiting_.end(), open.begin(), open.end());
  waiting_.insert(waiting_.end(), closed.begin(), closed.end());
  return {};
}

// Slots that were opened for another target stay as they are while that one may come back.
Status MoverSlice::hold_back() {
  if (memory_.target_id != task_.to_id) {
    memory_.strangers |= memory_.imported;
    memory_.imported.reset();
    memory_.outranked = false;
  }
  memory_.target_id = task_.to_id;
  memory_.held.reset();
  if (!task_.target_takes_over || !limits_.heed_lost_importers) return {};
  cluster::SlotSet strangers;
  for (Slot slot : waiting_) {
    bool opened = memory_.strangers[slot] || (views_.open(slot) && !memory_.imported[slot]);
    strangers.set(slot, opened && !views_.to.owned[slot]);
  }
  if (strangers.none()) return {};
  Result<std::optional<Address>> lost = lost_importer(servers_, task_, views_);
  if (!lost) return fail(lost.error());
  if (!*lost) {
    memory_.strangers.reset();
    return {};
  }
  memory_.held = strangers;
  memory_.lost_importer = **lost;
  std::erase_if(waiting_, [&strangers](Slot slot) { return strangers[slot]; });
  return outrank(servers_, task_, views_, memory_);
}

// False if there is nothing to be done in this slice any more.
bool MoverSlice::turn() {
  heed_stop();
  if (set_slots_due()) {
    note(set_slots());
    return true;
  }
  bool any = std::ranges::any_of(slots_, [](const MovingSlot& slot) { return slot.undrained(); });
  if (!any || !may_drain()) return wait_for_claims();
  note(drain());
  return true;
}

// Until what is empty may be handed over. False: not in this slice.
bool MoverSlice::wait_for_claims() const {
  int64_t left_us = memory_.claims_due_us - now_us();
  bool waits = count_in(MoveStage::kHandOver) > 0 && memory_.claims_due_us <= drain_end_us_;
  if (!waits || left_us <= 0) return false;
  pause((left_us + 999) / 1000);
  return true;
}

void MoverSlice::heed_stop() {
  if (!hooks_.stop || now_us() >= end_us_ || !hooks_.stop()) return;
  end_us_ = now_us();
  drain_end_us_ = end_us_ + limits_.grace_ms * 1000;
}

bool MoverSlice::may_begin() const {
  return !failed_ && !waiting_.empty() && (!begun_ || now_us() < end_us_);
}

size_t MoverSlice::count_in(MoveStage stage) const {
  return static_cast<size_t>(
      std::ranges::count_if(slots_, [stage](const MovingSlot& slot) { return slot.stage == stage; }));
}

int64_t MoverSlice::expected_keys(const MovingSlot& slot) const {
  auto known = static_cast<int64_t>(slot.ready.size() + slot.listed.size());
  if (slot.begun && slot.all_listed) return known;
  return std::max(known,
                  memory_.keys_a_slot > 0 ? static_cast<int64_t>(memory_.keys_a_slot) : kUnknownKeysASlot);
}

int64_t MoverSlice::undrained_keys() const {
  int64_t keys = 0;
  for (const MovingSlot& slot : slots_) {
    if (slot.undrained()) keys += expected_keys(slot);
  }
  return keys;
}

bool MoverSlice::set_slots_due() const {
  if (count_in(MoveStage::kLetGo) > 0 || slots_to_begin() > 0 || hand_over_due()) return true;
  bool unimported = may_drain() && count_in(MoveStage::kImport) > 0;
  return unimported || (may_drain() && count_in(MoveStage::kExport) > 0);
}

// Few slots are open at a time: so many that the source is kept busy until the next turn of SETSLOTs, and
// that these turns are few.
size_t MoverSlice::slots_to_begin() const {
  size_t most = static_cast<size_t>(std::max(1, limits_.slots_in_flight));
  if (memory_.claims_due_us >= 0) most = std::max(most, kSlotsAhead);
  if (!may_begin() || slots_.size() >= most) return 0;
  int64_t keys = undrained_keys();
  int64_t each = std::max<int64_t>(1, expected_keys(MovingSlot{}));
  int64_t pipeline = drain_.keys_a_pipeline(each);
  if (keys >= kLeastPipelinesAhead * pipeline) return 0;
  auto count = static_cast<size_t>(std::max<int64_t>(2, (kMostPipelinesAhead * pipeline - keys) / each));
  return std::min({count, set_slots_, most - slots_.size(), waiting_.size()});
}

bool MoverSlice::hand_over_due() const {
  size_t empty = count_in(MoveStage::kHandOver);
  if (empty == 0 || now_us() < hand_over_at_us_) return false;
  bool others_come =
      may_drain() && std::ranges::any_of(slots_, [](const MovingSlot& slot) { return slot.undrained(); });
  return empty >= set_slots_ || !others_come || now_us() - empty_since_us_ >= kMaxEmptyUs;
}

Status MoverSlice::drain() {
  MoverDrain::Pipeline pipeline = drain_.plan(slots_, true);
  called_ = called_ || pipeline.load.calls > 0;
  int64_t begin_us = now_us();
  Response response = std::move(
      servers_.exchange({{task_.from, pipeline.commands}}, kMoverCallTimeoutMs + pipeline.hang_ms).front());
  int64_t elapsed_us = now_us() - begin_us;
  Status applied = drain_.apply(pipeline, response.replies, progress_);
  bool in_order = applied && !response.error;  // else it is the waiting that took so long
  if (in_order) memory_.pace.learn(pipeline.load, elapsed_us, drain_.max_call_us());
  if (response.error) return lost(*response.error);
  if (memory_.unsettled) gone_ = true;
  return applied;
}

// No use in waiting for it again.
Status MoverSlice::lost(const Error& error) {
  gone_ = true;
  return fail(error);
}

void MoverSlice::note(const Status& status) {
  if (status) return;
  if (!failed_) first_error_ = status;
  failed_ = true;
}

void MoverSlice::finish_turn() {
  bool empty = count_in(MoveStage::kHandOver) > 0;
  if (empty && empty_since_us_ < 0) empty_since_us_ = now_us();
  for (const MovingSlot& slot : slots_) {
    if (slot.stage != MoveStage::kDone) continue;
    done_.push_back(slot.slot);
    memory_.claimed.reset(slot.slot);
    if (hooks_.on_slot) hooks_.on_slot(slot.slot);
  }
  std::erase_if(slots_, [](const MovingSlot& slot) { return slot.stage == MoveStage::kDone; });
  if (done_.size() >= kToldAtOnce) tell_others();
  if (!hooks_.on_progress) return;
  hooks_.on_progress({progress_.slots_done - reported_.slots_done,
                      progress_.keys_moved - reported_.keys_moved,
                      progress_.bytes_moved - reported_.bytes_moved});
  reported_ = progress_;
}

}  // namespace keyway::engine
