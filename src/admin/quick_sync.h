// While a cluster of empty servers is made, replicas need not wait for others to share a copy with:
// repl-diskless-sync-delay, 5 s by default, is 0 for so long. One thread.
#pragma once

#include <string>
#include <vector>

#include "admin/session.h"

namespace keyway::admin {

class QuickSync {
 public:
  QuickSync(Session& session, std::vector<Address> primaries)
      : session_(session), primaries_(std::move(primaries)) {}

  // Servers that do not let us are left as they are: it only takes longer.
  void begin();

  // Sets back what `begin` changed. Should this process be killed before, the delay stays 0 until the server
  // is started again, which does no harm.
  void end();

 private:
  struct Delay {
    Address primary;
    std::string value;
  };

  Session& session_;
  std::vector<Address> primaries_;
  std::vector<Delay> changed_;
};

}  // namespace keyway::admin
