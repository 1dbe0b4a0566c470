// How the servers of a command are reached: addresses of local clusters, passwords from wherever they are,
// and connections. Reads files, the environment and the terminal. Main thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/cluster/request.h"
#include "cli/output.h"

namespace keyway::cli {

// Whether the place where local clusters are kept is needed.
bool names_local_cluster(const ToolInvocation& tool);

// A server that can be spoken to.
struct Reached {
  Address address;  // none where the command needs no seed
  engine::Credentials account;
  engine::FleetOptions fleet;
  int supervisor_pid = 0;  // of a local cluster; 0: none runs, or it is no local cluster
};

// Finds address, user and password. Asks on the terminal if that was wished. kNotFound: no such local
// cluster; kUnavailable: none of its nodes answers; kInvalidArgument: a password file or TLS file that cannot
// be read.
Result<Reached> reach(const Seed& seed, const Login& login, const engine::TlsOptions& tls, int64_t timeout_ms,
                      const std::string& home);

// The first line of the file, or if it is a users.acl, the password that `user` (empty: default) has there.
// kInvalidArgument: it cannot be read, is empty, or has no such user.
Result<std::string> read_password_file(const std::string& path, const std::string& user);

// Servers with an event loop of their own, for one thread.
std::unique_ptr<engine::Servers> make_servers(const Reached& reached);

}  // namespace keyway::cli
