// Competes for a Lease at an API server: leader election of the operator, and whoever else may act only while
// nobody else does. Whether it is held is always asked of holds(), right before acting: it ends by itself
// when renewals fail, whatever else goes on. Owned by whoever acts; in the loop of its ApiClient, whose
// thread it belongs to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "platform/kubernetes/api_client.h"
#include "platform/kubernetes/lease.h"

namespace keyway::platform::kubernetes {

// A Lease object's JSON. kCorrupt: it is none.
Result<LeaseRecord> parse_lease(std::string_view object);
std::string lease_json(std::string_view name_space, std::string_view name, const LeaseRecord& record,
                       const std::map<std::string, std::string>& annotations = {});

class LeaseKeeper {
 public:
  struct Place {
    std::string name_space;
    std::string name;
    std::string identity;  // see Lease
  };

  // Begins in the loop's next turn. `changed` is called when it has become held or is not held any more; what
  // it says may be over by the time that it is heard. `client` outlives it.
  LeaseKeeper(ApiClient& client, Place place, LeaseTimes times, std::function<void(bool held)> changed = {});
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;
  // Tells nobody: release() first, so that others need not wait.
  ~LeaseKeeper();

  bool holds() const;
  // For how long it is held if nothing more succeeds; 0: it is not.
  int64_t held_for_ms() const;
  int64_t transitions() const;
  // Whom the object names; empty: nobody, or not read yet.
  std::string holder() const;
  // What is wrong at the server, for people; empty: nothing.
  const std::string& problem() const;

  // Gives it up: it is not held from now on, and the object says so soon. Wait for released() in the loop,
  // for as long as one can: who cannot is waited for.
  void release();
  bool released() const;
  void try_again();
  // A watch has shown the object; spares looks.
  void seen(const LeaseRecord& record);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace keyway::platform::kubernetes
