// What a worker's clients work with. Owned by the worker; one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tls.h"
#include "proxy/handshakes.h"
#include "proxy/limits.h"
#include "proxy/loop.h"
#include "proxy/pause.h"
#include "proxy/request_scan.h"
#include "proxy/stats.h"

namespace keyway::proxy {

class Client;
class Dispatcher;
class Mailroom;
class Router;
class ScriptNotes;
class Users;
struct Account;
struct Topology;

// Keeps the clients of a worker.
class Clients {
 public:
  virtual ~Clients() = default;
  virtual void closed(Client& client) = 0;
  virtual void for_each(const std::function<void(Client&)>& visit) = 0;
};

struct Services {
  Loop& loop;
  const Limits& limits;
  const Account& anonymous;  // as whom clients act that have not logged in
  Stats& stats;
  Router& router;
  Dispatcher& dispatcher;
  Clients& clients;
  Mailroom& mailroom;
  ScriptNotes& scripts;
  size_t box;  // this worker's in the mailroom
  Pause pause = {};
  Handshakes handshakes = {};
  std::shared_ptr<const engine::TlsContext> tls = {};  // by which new clients are spoken to; null: plainly

  std::shared_ptr<const Users> users = {};  // the proxy's own; null: the servers know who clients are
  bool login_required = false;              // nothing is done for clients before

  std::shared_ptr<const Topology> topology = {};  // null: not known yet

  // The arguments of the command that is being looked at.
  std::vector<std::string_view> arguments = {};
  std::string unquoted = {};

  // Lets those go on that CLIENT PAUSE has held back.
  void end_pause();

  RequestScan scan(std::string_view bytes, size_t max_request_bytes, ScanProgress& progress) {
    RequestLimits request_limits;
    request_limits.max_bulk_bytes = max_request_bytes;
    return scan_request(bytes, request_limits, progress, arguments, unquoted);
  }
};

}  // namespace keyway::proxy
