// A command of a client on its way to a server and its reply on the way back. Made and owned by the worker's
// RequestPool; waits in its client's line (in order of arrival) and, while sent, in its upstream's. One
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/chunk.h"
#include "resp/command_spec.h"

namespace keyway::proxy {

class Client;
class Lane;
class Upstream;
struct Gather;
struct ServerStats;

// What the reply changes for its client's session.
enum class FollowUp : uint8_t {
  kNone,
  kLogin,       // AUTH
  kHello,       // HELLO with AUTH
  kExec,        // the end of a transaction
  kStage,       // the same, where all of it was tried out before
  kAbort,       // the same, of one that a server has refused
  kScan,        // SCAN: its cursor is one server's
  kQueue,       // a command between MULTI and EXEC was tried out
  kTrack,       // CLIENT TRACKING: the servers track
  kScript,      // EVALSHA: its server may lack the script
  kGiveScript,  // the same between MULTI and EXEC: its server was given the script
  kKeys,        // the server tells which keys the command has
  kLarge,       // a command that is passed on as it comes, or the question before it
};

// What a client has a connection to a server for, of its own.
enum class Purpose : uint8_t {
  kNone,
  kWatch,          // WATCH: its keys are watched there
  kSubscriptions,  // SUBSCRIBE and its kin
  kMonitor,        // MONITOR, one to each primary
  kRehearsal,      // a transaction that is still being queued is tried out there, and never carried out
  kLarge,          // a large command is passed on by it as it comes
};

// Which of the connections to a server that clients share. A script may run for long, and its server answers
// others meanwhile, if only that it is busy; but not on the connection that the script came by.
enum class Channel : uint8_t { kMain, kScripts };

// How far the search for a script has come that a server lacks.
enum class ScriptSearch : uint8_t {
  kNone,
  kSought,  // the other servers were asked for it
  kGiven,   // the server was given it
};

struct Request {
  static constexpr uint16_t kNone = UINT16_MAX;
  static constexpr uint64_t kUnfinished = UINT64_MAX;

  Client* client = nullptr;     // who waits for it; null: it went away, or there is none
  Gather* gather = nullptr;     // of which it is a part
  Lane* lane = nullptr;         // whose connections carry it
  Upstream* carrier = nullptr;  // a connection of its client's own that it must go by
  const resp::CommandSpec* command = nullptr;
  Request* next = nullptr;                   // in the client's line
  Request* next_upstream = nullptr;          // in the upstream's line, or among those that wait
  Slice bytes;                               // as it is sent
  Slice reply;                               // its first piece
  std::vector<Slice> more_reply;             // further pieces of a reply that came in several
  Slice early_error;                         // the first error among the replies before its own
  const ServerStats* answered_by = nullptr;  // valid when its reply comes
  int64_t begun_us = 0;
  int64_t sent_us = 0;
  uint64_t streamed_bytes = 0;  // of its reply, or of itself, that are passed on and gone
  int64_t deadline_ms = 0;
  uint64_t sent_end = 0;  // position in the upstream's stream behind it; kUnfinished: more of it is to come
  size_t held_bytes = 0;  // that its client has in flight by it
  uint64_t script_call = 0;  // which script EVALSHA calls (ScriptNotes); 0: it is another command
  uint32_t skip = 0;         // replies before its own: to MULTI and to each command queued by it
  uint32_t skipped = 0;
  uint16_t slot = kNone;  // whose owner it is for; kNone: for `node`
  uint16_t node = kNone;  // a place in the routes; kNone without a slot: any primary
  uint16_t fragment = 0;  // its number within the gather
  uint8_t redirections = 0;
  Channel channel = Channel::kMain;
  bool readonly = false;  // may be sent again though it may have been carried out
  FollowUp follow_up = FollowUp::kNone;
  ScriptSearch script_search = ScriptSearch::kNone;
  bool may_lag = false;                // a node that may be behind the slot's owner may answer it
  Purpose keeps_for = Purpose::kNone;  // the connection becomes its client's own
  bool silent = false;                 // its reply is not for the client: CLIENT REPLY OFF
  bool leased = false;                 // on a connection of its own while it lasts: a blocking command
  bool ask = false;                    // the next time with ASKING before it
  bool streaming = false;              // pieces of its reply have been passed on already
  bool done = false;                   // the reply is whole
  bool waiting = false;                // for a better time to be sent

  void add_reply(const Slice& piece) {
    if (reply.size_bytes == 0) {
      reply = piece;
    } else {
      more_reply.push_back(piece);
    }
  }
  void drop_reply() {
    reply = Slice();
    more_reply.clear();
  }
  void replace_reply(std::string_view text, ChunkPool& pool) {
    more_reply.clear();
    reply = copy_of(text, pool);
  }
  // All of it.
  std::string reply_text() const {
    std::string text(reply.text());
    for (const Slice& piece : more_reply) text += piece.text();
    return text;
  }
  // What nobody is going to read, but for the reply's beginning.
  void drop_unread() { more_reply.clear(); }
  size_t reply_bytes() const {
    size_t size_bytes = reply.size_bytes;
    for (const Slice& piece : more_reply) size_bytes += piece.size_bytes;
    return size_bytes;
  }
  bool has_error_reply() const { return !streaming && reply.size_bytes > 0 && *reply.data == '-'; }
};

class RequestPool {
 public:
  Request* take() {
    if (idle_ == nullptr) {
      owned_.push_back(std::make_unique<Request>());
      return owned_.back().get();
    }
    Request* request = idle_;
    idle_ = request->next;
    request->next = nullptr;
    return request;
  }

  void give_back(Request* request) {
    std::vector<Slice> kept = std::move(request->more_reply);
    kept.clear();
    *request = Request{};
    request->more_reply = std::move(kept);
    request->next = idle_;
    idle_ = request;
  }

 private:
  std::vector<std::unique_ptr<Request>> owned_;
  Request* idle_ = nullptr;
};

// A line of requests, linked by one of their members.
template <Request* Request::* next_member>
class RequestLine {
 public:
  bool empty() const { return first_ == nullptr; }
  size_t size() const { return size_; }
  Request* front() const { return first_; }
  Request* back() const { return last_; }

  void push(Request* request) {
    request->*next_member = nullptr;
    (last_ == nullptr ? first_ : last_->*next_member) = request;
    last_ = request;
    ++size_;
  }
  // Another one in the place of the first.
  void replace_front(Request* request) {
    request->*next_member = std::exchange(first_->*next_member, nullptr);
    if (last_ == first_) last_ = request;
    first_ = request;
  }
  Request* pop() {
    Request* request = first_;
    first_ = request->*next_member;
    if (first_ == nullptr) last_ = nullptr;
    request->*next_member = nullptr;
    --size_;
    return request;
  }

 private:
  Request* first_ = nullptr;
  Request* last_ = nullptr;
  size_t size_ = 0;
};

using ClientLine = RequestLine<&Request::next>;
using UpstreamLine = RequestLine<&Request::next_upstream>;

}  // namespace keyway::proxy
