// What a client's connection is to the proxy, beside its bytes: who it is, which protocol it speaks, what it
// has begun. Owned by its client; one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/lane.h"
#include "proxy/transaction.h"
#include "resp/command.h"

namespace keyway::proxy {

// What CLIENT REPLY has asked for.
enum class Replies : uint8_t {
  kOn,
  kOff,
  kSkipNext,  // the next command's reply is left out
  kSkip,      // the present command's
};

// What CLIENT TRACKING has been asked for and has agreed to.
struct Tracking {
  std::vector<resp::Command> commands;  // without REDIRECT; later ones may add prefixes
  uint64_t redirect = 0;                // the client that is told instead; 0: this one
  bool redirect_broken = false;
  bool bcast = false;
  bool optin = false;
  bool optout = false;
  bool noloop = false;
  std::vector<std::string> prefixes;
};

// Who a client has shown itself to be.
struct Identity {
  enum class Source : uint8_t {
    kNobody,   // it has not logged in
    kCluster,  // a user of the servers: that of its lane
    kProxy,    // one of the proxy's own users
  };
  Source source = Source::kNobody;
  std::string user = {};  // kProxy
};

// Whether the client of CLIENT TRACKING's REDIRECT is there, which its worker knows.
enum class RedirectCheck : uint8_t { kNone, kAsked, kThere, kMissing };

// A command of which only a server can tell the keys, while it waits for that.
struct KeyQuestion {
  const resp::CommandSpec* command = nullptr;
  Slice bytes;
  Channel channel = Channel::kMain;
  bool leased = false;            // it may block
  std::string_view caching = {};  // CLIENT CACHING that goes before it; outlives it
};

struct Session {
  Lane* lane = nullptr;
  Identity identity;
  bool must_log_in = false;  // before anything else is done for it
  bool resp3 = false;
  Replies replies = Replies::kOn;
  bool no_evict = false;
  bool no_touch = false;
  bool watch_lost = false;  // with its connection: EXEC must fail
  int64_t since_ms = 0;
  uint32_t channels = 0;  // and patterns that it is subscribed to
  uint32_t patterns = 0;  // of these
  uint32_t shard_channels = 0;
  uint32_t awaited = 0;  // commands such as SUBSCRIBE whose answers are still to come
  bool monitors = false;
  uint32_t monitors_awaited = 0;  // servers that have yet to agree to be monitored
  std::string name;
  std::string library;
  std::string library_version;
  std::unique_ptr<Transaction> transaction;  // begun by MULTI
  Lane* next_lane = nullptr;                 // whose connections it goes by if AUTH or HELLO succeeds
  std::string next_name;                     // that HELLO gives it
  Identity next_identity;                    // by AUTH or HELLO
  std::unique_ptr<Tracking> tracking;
  std::unique_ptr<Tracking> next_tracking;  // if the servers agree
  RedirectCheck redirect_check = RedirectCheck::kNone;
  std::unique_ptr<KeyQuestion> key_question;  // a command whose keys a server is asked for
  std::string_view caching;  // CLIENT CACHING, as it goes before the next command; empty: none

  bool silent() const { return replies == Replies::kOff || replies == Replies::kSkip; }
  bool subscribed() const { return channels > 0 || shard_channels > 0 || awaited > 0; }
  // Is told what it has not asked for.
  bool listens() const { return subscribed() || monitors; }
  // The next command can be looked at as nothing but itself.
  bool plain() const {
    return transaction == nullptr && replies == Replies::kOn && (resp3 || !subscribed()) && caching.empty() &&
           !must_log_in;
  }
};

}  // namespace keyway::proxy
