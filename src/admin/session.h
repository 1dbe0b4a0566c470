// What every admin command works with: servers to talk to, a person to report to, a way to be interrupted.
// Made by the command line, lives as long as the command. Commands run in the main thread; where they start
// others, each of those has its own Servers from `connect`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "engine/servers.h"
#include "engine/survey.h"

namespace keyway::admin {

// How far something long has come. Unknown numbers are -1.
struct Progress {
  std::string what;  // "moving slots", "importing"
  int64_t done = 0;  // slots, keys or bytes: `unit`
  int64_t total = -1;
  std::string unit;
  int64_t keys = -1;  // so far
  int64_t bytes = -1;
  int64_t keys_per_s = -1;  // of late
  int64_t bytes_per_s = -1;
  int64_t left_ms = -1;  // estimated
};

// Main thread only.
class Reporter {
 public:
  virtual ~Reporter() = default;

  // Something that was found or done: one line for a person.
  virtual void note(std::string_view line) = 0;
  virtual void warn(std::string_view line) = 0;
  // Call as often as wanted; it is drawn at most ten times a second.
  virtual void progress(const Progress& progress) = 0;
  // Puts a question that is answered by yes or no. kInvalidArgument, with the flag that answers it, if nobody
  // is there to answer.
  virtual Result<bool> confirm(std::string_view question) = 0;
};

struct Session {
  engine::Servers& servers;
  std::function<std::unique_ptr<engine::Servers>()> connect;  // more of them, one for each further thread
  Reporter& reporter;
  std::function<bool()> interrupted;  // Ctrl-C was pressed; any thread may ask. Stop between batches
  std::string user;                   // with which servers log in to each other (MIGRATE); empty: "default"
  std::string password;               // empty: none
  engine::AddressMap reach = {};
  int64_t timeout_ms = 3000;  // how long one answer may take
  // Where the plans of moves are kept until they are carried out, and what keeps two commands from moving
  // slots of one cluster at the same time. Empty: neither is done.
  std::string journal_folder = {};

  Result<cluster::Observed> survey(const Address& seed) const {
    return engine::survey(servers, seed, {.timeout_ms = timeout_ms, .reach = reach});
  }
};

// Monotonic milliseconds.
int64_t now_ms();

// Waits until `done` says true, asking again and again with growing pauses of 1 to 50 ms. False: not by
// `timeout_ms`, or the session was interrupted.
bool wait_until(const Session& session, const std::function<bool()>& done, int64_t timeout_ms);

// A node by its id, a unique beginning of its id (4 characters at least) or its address. kNotFound;
// kInvalidArgument if several fit.
Result<const cluster::NodeFacts*> find_node(const cluster::Observed& observed, std::string_view name);

}  // namespace keyway::admin
