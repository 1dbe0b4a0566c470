#include "engine/mover_claims.h"

#include <mutex>
#include <optional>

#include "base/format.h"
#include "engine/meet.h"
#include "engine/mover.h"
#include "engine/mover_view.h"
#include "engine/order.h"

namespace keyway::engine {

namespace {

using cluster::Slot;
using resp::Reply;

// A server opens its connections every 100 ms.
constexpr int64_t kLookAgainMs = 20;
constexpr int kLooksAMeeting = 25;
constexpr int kMeetings = 6;
constexpr const char* kCoverage = "cluster-require-full-coverage";

// Pairs that have the same target would mend what it requires while another's slot is forgotten.
std::mutex one_at_a_time;

// One that both hold for the source's and that is not open; rather none that is to move.
std::optional<Slot> forgettable(const MoveTask& task, const MoverViews& views) {
  cluster::SlotSet all = views.from.owned & views.to.peer_owned;
  for (const MoverView* view : {&views.from, &views.to})
    all &= ~(view->open | view->outdated | view->foreign);
  cluster::SlotSet staying = all & ~cluster::to_set(task.slots);
  const cluster::SlotSet& slots = staying.any() ? staying : all;
  for (size_t slot = 0; slot < slots.size(); ++slot) {
    if (slots[slot]) return static_cast<Slot>(slot);
  }
  return std::nullopt;
}

// A server that requires full coverage would serve nobody while it does not know the owner of a slot; it is
// told not to for that time. Who may not use CONFIG leaves it as it is.
class Coverage {
 public:
  Coverage(Servers& servers, const Address& address) : servers_(servers), address_(address) {
    Result<Reply> reply = servers_.call(address_, {"CONFIG", "GET", kCoverage}, kMoverCallTimeoutMs);
    required_ = reply && reply->elements.size() == 2 && reply->elements[1].text == "yes" && set("no");
  }
  ~Coverage() {
    if (required_) set("yes");
  }
  Coverage(const Coverage&) = delete;
  Coverage& operator=(const Coverage&) = delete;

 private:
  bool set(const char* value) {
    return order(servers_, address_, {"CONFIG", "SET", kCoverage, value}, kMoverCallTimeoutMs).has_value();
  }

  Servers& servers_;
  const Address& address_;
  bool required_ = false;
};

// Whether the target has come to know again whose the slot is.
Result<bool> is_known(Servers& servers, const MoveTask& task, Slot slot) {
  Result<MoverViews> views = look_at_pair(servers, task);
  if (!views) return fail(views.error());
  return views->to.peer_owned[slot] || !views->from.owned[slot];
}

Status await_news(Servers& servers, const MoveTask& task, const MoverView& from, Slot slot,
                  const std::function<void(int64_t)>& pause) {
  for (int meeting = 0; meeting < kMeetings; ++meeting) {
    Status met =
        order(servers, task.from, meet_command(from.peer_address, from.peer_bus_port), kMoverCallTimeoutMs);
    if (!met) return met;
    for (int look = 0; look < kLooksAMeeting; ++look) {
      pause(kLookAgainMs);
      Result<bool> known = is_known(servers, task, slot);
      if (!known) return fail(known.error());
      if (*known) return {};
    }
  }
  return fail(
      ErrorCode::kTimeout,
      fmt::format("{} hears nothing from {} on the cluster bus, so it gets no slots; see CLUSTER NODES "
                  "on both",
                  to_string(task.to), to_string(task.from)));
}

}  // namespace

Status make_claims_heard(Servers& servers, const MoveTask& task, const MoverViews& views,
                         const std::function<void(int64_t)>& pause) {
  std::optional<Slot> slot = forgettable(task, views);
  if (!slot) return {};
  std::scoped_lock alone(one_at_a_time);
  Coverage coverage(servers, task.to);
  std::string number = std::to_string(*slot);
  Status forgotten = order(servers, task.to, {"CLUSTER", "DELSLOTS", number}, kMoverCallTimeoutMs);
  if (!forgotten) return forgotten;
  Status heard = await_news(servers, task, views.from, *slot, pause);
  if (heard) return heard;
  // Whoever else heard nothing may hear this.
  Status told =
      order(servers, task.to, {"CLUSTER", "SETSLOT", number, "NODE", task.from_id}, kMoverCallTimeoutMs);
  return told ? heard : fail(heard.error().code, heard.error().message + "; " + told.error().message);
}

}  // namespace keyway::engine
