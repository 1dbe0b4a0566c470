// A command of the cluster tool as a value, whichever of the three spellings it came in. Parsing makes it and
// touches nothing; cli/cluster/run carries it out. Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "admin/ask_all.h"
#include "admin/check.h"
#include "admin/create.h"
#include "admin/membership.h"
#include "admin/reshard.h"
#include "admin/transfer.h"
#include "engine/fleet.h"

namespace keyway::cli {

enum class Spelling {
  kOwn,        // keyway cluster check ADDR --search-keys
  kRedisCli,   // keyway --cluster check HOST:PORT --cluster-search-multiple-owners
  kRedisTrib,  // redis-trib check HOST:PORT
};

// A server as it is named on the command line.
struct Seed {
  Address address;
  std::string cluster;  // the name of a local cluster; then there is no address

  bool empty() const { return address.empty() && cluster.empty(); }
};

// Where user and password come from. Without any of them: the environment, then a local cluster's own record.
struct Login {
  std::string user;
  std::optional<std::string> password;  // on the command line, for all to see
  std::string password_file;
  bool ask = false;
};

struct Access {
  Login login;
  engine::TlsOptions tls;
  int64_t timeout_ms = 3000;  // of one answer
  engine::AddressMap reach;
  bool warn_of_password = true;  // that stands on the command line
};

struct InfoRequest {};

struct ReshardRequest {
  admin::ReshardOptions options;
  // redis-cli's way: what is missing is asked for. `all_sources` tells "all" from nothing said.
  bool all_sources = false;
};

struct CallRequest {
  resp::Command command;
  admin::Which which = admin::Which::kAll;
};

struct SetTimeoutRequest {
  int64_t timeout_ms = 0;
};

struct ImportRequest {
  admin::ImportOptions options;  // without the source's address, user and password:
  Seed source;
  Login login;
  bool tls = false;  // the source speaks TLS; with the files of `Access::tls`
};

using ToolRequest =
    std::variant<admin::CreateOptions, admin::CheckOptions, admin::FixOptions, InfoRequest, ReshardRequest,
                 admin::RebalanceOptions, admin::AddNodeOptions, admin::DelNodeOptions, CallRequest,
                 SetTimeoutRequest, ImportRequest, admin::BackupOptions>;

struct ToolInvocation {
  Spelling spelling = Spelling::kOwn;
  Seed seed;  // none for create
  Access access;
  bool yes = false;
  std::vector<std::string> remarks;  // what was taken and has no effect, and why
  ToolRequest request;
};

}  // namespace keyway::cli
