// Other addresses to connect to in the place of servers' own, where those are out of reach from here: local
// ports that lead there. Shared by those who keep it and those who connect; any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/address.h"
#include "base/error.h"

namespace keyway {

class Detours {
 public:
  // All there are from now on: where to connect to, by the real address.
  void set(std::map<Address, Address> ways) {
    std::lock_guard lock(mutex_);
    ways_ = std::move(ways);
  }
  std::optional<Address> of(const Address& real) const {
    std::lock_guard lock(mutex_);
    auto found = ways_.find(real);
    if (found == ways_.end()) return std::nullopt;
    return found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<Address, Address> ways_;
};

// Where to connect to: `real` itself if there are no detours. kUnavailable: there are, and none leads there.
// Then nobody is asked at all: from here, the address may be somebody else's.
Result<Address> way_to(const std::shared_ptr<const Detours>& detours, const Address& real);

}  // namespace keyway
