// One connection to a server: requests go out in one stream, replies come back in the same order. Owned by
// its lane or its client; one thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/detours.h"
#include "proxy/chunk.h"
#include "proxy/limits.h"
#include "proxy/loop.h"
#include "proxy/reply_scan.h"
#include "proxy/request.h"
#include "proxy/stats.h"
#include "proxy/transport.h"
#include "resp/command.h"

namespace keyway::proxy {

// Who a connection is to the server.
struct Account {
  std::string user;  // empty with a password: the default user
  std::string password;

  // With neither, no AUTH is sent.
  bool empty() const { return user.empty() && password.empty(); }
  std::string shown_user() const { return user.empty() ? "default" : user; }
  auto operator<=>(const Account&) const = default;
};

// Who is told what becomes of an upstream's requests. Outlives it.
class UpstreamOwner {
 public:
  virtual ~UpstreamOwner() = default;

  // Where a connection to `address` counts.
  virtual std::shared_ptr<ServerStats> stats_of(const Address& address) = 0;
  // It is ready for requests.
  virtual void opened(Upstream& upstream) = 0;
  // The reply is whole; the request has left the upstream's line.
  virtual void replied(Upstream& upstream, Request* request) = 0;
  // A reply that is not whole has grown; what is there of it may be taken away.
  virtual void reply_grew(Upstream& upstream, Request& request) = 0;
  // A client that others wait behind has held it back for too long; it is to go on, or to carry less.
  virtual void held_too_long(Upstream& upstream) = 0;
  // The server said something that nobody had asked (`frame.reply`): a message of a subscription.
  virtual void told(Upstream& upstream, Request& frame) = 0;
  // The connection is closed. Its requests are still in line.
  virtual void lost(Upstream& upstream, const std::string& why) = 0;
};

class Upstream : public Peer {
 public:
  enum class State {
    kConnecting,
    kHandshaking,  // connected, TLS is being agreed on
    kGreeting,     // connected, the answers to AUTH, HELLO and READONLY are awaited
    kReady,
    kClosed,
  };

  struct Target {
    uint16_t node = Request::kNone;  // its place in the routes
    Address address;
    Account account;
    bool resp3 = false;
    bool reads_only = false;                             // to a replica that is to answer reads
    std::shared_ptr<const engine::TlsContext> tls = {};  // null: plainly
    // A server without cluster mode that came back as a replica would answer from the data it has.
    bool must_be_primary = false;
    std::shared_ptr<const Detours> detours = {};  // null: it is reached at its own address
  };

  Upstream(Loop& loop, const Limits& limits, UpstreamOwner& owner, Target target);
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;
  ~Upstream() override;

  // Further commands at the beginning; before open().
  void greet_with(std::vector<resp::Command> commands) { greeting_commands_ = std::move(commands); }
  // Begins to connect. Trouble is told by lost(), before it returns or later.
  void open();

  // Takes the request into its line; it is written at the end of the turn.
  void send(Request* request);
  // Takes a request into its line whose bytes come by say(), until end() says that all of them have.
  void begin(Request* request);
  void end(Request& request) {
    request.sent_end = queued_end_;
    waits_from_now();
  }
  // Writes what is no request of its own: a part of one, or a command whose answers come by told().
  void say(const Slice& bytes);
  // From now on all answers come by told().
  void listen_only() { listens_only_ = true; }

  void ready(const Readiness& readiness) override;
  void flush() override;
  void go_on() override;

  void close(const std::string& why);
  // The same where nobody needs it any more, which says nothing against its server.
  void close_unneeded(const std::string& why);

  // A client that cannot take a large reply, to `request`, any faster holds this connection back; for a
  // while, unless it is the only one on it.
  void pause(const Request& request);

  // Checked now and then: closes it if its server is silent for too long.
  void check_age();

  // Requests that were not wholly written have certainly not been carried out.
  bool may_have_carried_out(const Request& request) const { return request.sent_end <= written_; }

  State state() const { return state_; }
  const Target& target() const { return target_; }
  ServerStats& stats() { return *stats_; }
  UpstreamLine& line() { return line_; }
  // Requests that wait for room in the line.
  UpstreamLine& parked() { return parked_; }
  size_t queued_bytes() const { return out_.size_bytes(); }
  bool idle() const { return line_.empty() && parked_.empty() && out_.empty(); }
  // Refused by the server's answer to AUTH, HELLO or READONLY.
  bool denied() const { return denied_; }
  bool was_open() const { return was_open_; }
  // It was closed because nobody needs it any more.
  bool unneeded() const { return unneeded_; }
  // The server could not be reached.
  bool failed_to_open() const { return !was_open_ && !denied_ && !unneeded_; }
  // Of this connection, as its server numbers it; 0: not known.
  uint64_t server_id() const { return server_id_; }
  Lane* lane = nullptr;  // to which it belongs
  // The client whose own it is, if it is one's.
  Client* client = nullptr;
  bool wants_id = false;        // asks for its number at the beginning
  Client* held_for = nullptr;   // because of whose slowness it pauses
  bool exclusive = false;       // carries requests of one client at a time
  uint32_t shard_channels = 0;  // that its client is subscribed to by it

 private:
  void connected();
  void shake_hands();
  void greet();
  void become_ready();
  void read();
  size_t take(std::string_view view, const ChunkRef& chunk);
  bool take_piece(const Slice& piece, bool whole);
  void take_greeting(std::string_view reply);
  void learn_id(std::string_view reply);
  void take_reply();
  void watch();
  void want(bool read, bool write);
  void note_depth();
  bool may_wait(const Request& request) const;
  void waits_from_now() { waiting_since_ms_ = loop_.now_ms(); }

  Loop& loop_;
  const Limits& limits_;
  UpstreamOwner& owner_;
  Target target_;
  Transport transport_;
  std::shared_ptr<ServerStats> stats_;
  size_t noted_depth_ = 0;  // of the line, as stats_ has it
  State state_ = State::kConnecting;
  bool wants_write_ = false;
  bool wants_read_ = true;  // unless it is paused
  bool paused_ = false;
  bool listens_only_ = false;
  bool denied_ = false;
  bool was_open_ = false;
  bool unneeded_ = false;
  bool in_frame_ = false;  // what comes now belongs to frame_
  int greetings_ = 0;      // answers to AUTH, HELLO and CLIENT ID that are still to come
  int role_at_ = 0;        // so many are still to come when the one that tells the role is; 0: none does
  uint64_t server_id_ = 0;
  std::vector<resp::Command> greeting_commands_;
  SliceQueue out_;
  uint64_t queued_end_ = 0;  // position in the stream behind all that was ever queued
  uint64_t written_ = 0;     // position behind all that was written
  UpstreamLine line_;
  UpstreamLine parked_;
  ReplyScanner scanner_;
  Request frame_;                 // what nobody had asked, as far as it came
  std::string held_;              // an unfinished line
  std::string greeting_;          // the answer to AUTH or HELLO, as far as it came
  int64_t waiting_since_ms_ = 0;  // since when nothing came though something is awaited
  int64_t paused_since_ms_ = 0;
  int64_t held_ms_ = 0;    // by the request below, before that
  uint64_t held_end_ = 0;  // its place in the stream
};

}  // namespace keyway::proxy
