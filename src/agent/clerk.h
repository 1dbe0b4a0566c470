// Does an agent's business with the API server: renews, takes and gives up its Lease, lists the pods, marks
// the agent's own. What it shall do is a wish, what came of it a view; it keeps no rules of its own but those
// of the Lease. `Clerk` is the work itself, for one thread; `ClerkThread` does it in a thread of its own, so
// that a server that does not answer holds nobody up, who must not take writes any longer least of all.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/pods.h"

namespace keyway::agent {

struct ClerkOptions {
  std::string lease;     // the Lease's name
  std::string identity;  // as what it is held
  std::string pod;       // the agent's own
  std::string shard;     // within which one pod is marked as primary
  int64_t duration_ms = 5000;
  int64_t renew_ms = 1000;
};

struct Wish {
  enum class Hold { kWatch, kHold, kGiveUp } hold = Hold::kWatch;
  std::string take_version;         // with kHold: of the Lease as it was when it was found free
  std::string note;                 // written when it is taken, and with each renewal
  bool note_now = false;            // and at once when it changes
  std::string report;               // the same, always at once; empty: what is there stays
  RoleMark mark = RoleMark::kNone;  // kNone: the pod's label stays as it is
  std::string node_id;              // empty: none to be told
  int64_t lease_period_ms = 2000;   // between looks at a Lease of others
  int64_t pods_period_ms = 5000;

  bool operator==(const Wish&) const = default;
};

struct View {
  bool lease_read = false;
  std::optional<Lease> lease;  // none: it does not exist
  int64_t changed_ms = 0;      // monotonic; when its holding was last seen to change
  int64_t read_ms = 0;         // monotonic; when the last look at it that worked began
  bool mine = false;           // taken by this clerk, and not known to be lost
  int64_t renewed_ms = 0;      // monotonic; when the last renewal that worked was sent
  bool pods_read = false;
  std::vector<Pod> pods;
  int64_t errors = 0;
  std::string last_error;  // empty: the last call worked

  // Whether nobody holds the Lease at `now_ms`.
  bool is_free(int64_t now_ms) const;
  // The holder, if it still holds it; empty: nobody.
  std::string holder(int64_t now_ms) const;
  // What the pod's label says; kNone: nothing, or there is no such pod.
  RoleMark mark_of(const std::string& pod) const;
};

class Clerk {
 public:
  Clerk(Registry& registry, ClerkOptions options);

  // Does what is due; gives when it wants to be called again (monotonic), if nothing else is wished.
  int64_t step(const Wish& wish, int64_t now_ms);
  const View& view() const { return view_; }

 private:
  int64_t lease_due_ms(const Wish& wish) const;
  void tend_lease(const Wish& wish, int64_t now_ms);
  Lease next_lease(const Wish& wish, bool giving_up) const;
  void write_lease(const Wish& wish, bool giving_up, int64_t now_ms);
  bool put_lease(const Lease& lease, int64_t now_ms);
  void read_lease(int64_t now_ms);
  void list_pods();
  void mark(const Wish& wish);
  void note_error(const Error& error);
  bool noted(const Status& status);

  Registry& registry_;
  ClerkOptions options_;
  View view_;
  int64_t lease_tended_ms_ = 0;  // monotonic; 0: never
  int64_t pods_listed_ms_ = 0;   // the same
  std::string node_id_;          // that was told
};

// What an agent has of a clerk at work beside it.
class ClerkDesk {
 public:
  virtual ~ClerkDesk() = default;

  virtual void wish(const Wish& wish) = 0;  // acted upon at once if it is another one
  virtual View view() = 0;
  // Whether the last wish was acted upon.
  virtual bool settled() = 0;
  // Waits until the wish was acted upon once, or `timeout_ms`.
  virtual void settle(int64_t timeout_ms) = 0;
};

class ClerkThread : public ClerkDesk {
 public:
  ClerkThread(std::unique_ptr<Registry> registry, const ClerkOptions& options);
  ClerkThread(const ClerkThread&) = delete;
  ClerkThread& operator=(const ClerkThread&) = delete;
  // Waits for a call under way.
  ~ClerkThread() override;

  void wish(const Wish& wish) override;
  View view() override;
  bool settled() override;
  void settle(int64_t timeout_ms) override;

 private:
  void run();

  std::unique_ptr<Registry> registry_;
  Clerk clerk_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Wish wish_;
  uint64_t wishes_ = 0;    // that were made
  uint64_t acted_on_ = 0;  // the last one that was acted upon
  View view_;
  bool end_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace keyway::agent
