// A client's connection: its commands as they come, its requests in the order of their arrival, its replies
// on the way out. What commands mean is the Dispatcher's. Owned by its worker; one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "proxy/chunk.h"
#include "proxy/lane.h"
#include "proxy/large_command.h"
#include "proxy/passed_reply.h"
#include "proxy/request.h"
#include "proxy/request_scan.h"
#include "proxy/session.h"
#include "proxy/transport.h"

namespace keyway::proxy {

struct Services;

class Client : public Peer {
 public:
  Client(Services& services, int fd, uint64_t id);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() override;

  // Begins to watch the socket; with a TLS handshake, if new clients are spoken to by TLS.
  Status open();
  // It took too long.
  void give_handshake_up() { handshake_failed("it took too long"); }

  void ready(const Readiness& readiness) override;
  void flush() override;
  void go_on() override;
  // At once, or when it can be done without pulling the rug from under the caller.
  void close();
  void close_later();
  // When all that is in line has been answered and written; no more commands are read.
  void close_when_answered();

  // For the dispatcher:
  Session& session() { return session_; }
  const Session& session() const { return session_; }
  Services& services() { return services_; }
  bool resp3() const { return session_.resp3; }
  uint64_t id() const { return id_; }
  const Address& address() const { return address_; }
  const Address& local_address() const { return local_; }
  // A request at the end of the line.
  Request* add(const resp::CommandSpec* command, Slice bytes);
  void put_before(std::string_view command, Request& request);
  // The same for one that is sent in parts of `size_bytes` together.
  Request* add_whole(const resp::CommandSpec* command, size_t size_bytes);
  // Answers a command that needs no server.
  void reply(std::string_view bytes);
  // Its reads may be answered by nodes that are behind. What it reads while it watches keys decides whether
  // its transaction is right.
  bool reads_may_lag() const { return own_.empty() || owned(Purpose::kWatch) == nullptr; }
  bool nothing_in_flight() const { return line_.empty(); }
  // The last one in line changes the session when it is answered; nothing else begins before.
  void follow_last(FollowUp follow_up) {
    line_.back()->follow_up = follow_up;
    wait_for_last();
  }
  // No further command is looked at before the last one in line is answered.
  void wait_for_last() { exclusive_ = line_.back(); }
  // Whether requests that were routed by another version of the routes, or that went by another channel, are
  // in flight: then it has to wait, so that it does not overtake them. Else notes what it goes by. A script
  // that comes behind other commands goes by their channel.
  bool mixes_ways(uint64_t version, Channel& channel) {
    if (!line_.empty()) {
      if (routed_by_ != version) return true;
      if (channel_ == channel) return false;
      if (channel == Channel::kMain) return true;
      channel = Channel::kMain;
      return false;
    }
    routed_by_ = version;
    channel_ = channel;
    return false;
  }
  int64_t idle_s() const;
  int64_t age_s() const;
  int descriptor() const { return transport_.fd(); }
  size_t in_bytes() const { return input_.size_bytes; }
  size_t out_bytes() const { return out_.size_bytes(); }
  void note_command(const resp::CommandSpec& spec) { last_command_ = &spec; }
  // "client|list"; "NULL" if there was none.
  std::string_view last_command() const { return last_command_ == nullptr ? "NULL" : last_command_->name; }
  // The server that a blocking command of its waits for; null if none does, or it has not come to it yet.
  const Upstream* blocking_server() const;

  // Connections to servers that are this client's own.
  void own(Upstream& upstream, Purpose purpose);
  // One for the purpose, to the node if one is named; null: there is none.
  Upstream* owned(Purpose purpose, uint16_t node = Request::kNone) const;
  // Calls act(upstream) for each of them.
  template <typename Act>
  void for_each_owned(Purpose purpose, Act act) {
    for (const Own& own : own_) {
      if (own.purpose == purpose) act(*own.upstream);
    }
  }
  // Closes them.
  void give_up(Purpose purpose);
  void give_up_all();
  // The one for the purpose is no longer its own.
  Upstream* let_go(Purpose purpose);
  // Gives back the one for the purpose, which is as good as new for another client.
  void hand_back(Purpose purpose);
  // The client has changed its mind.
  void give_up_watch();
  // What servers tell of keys that it may have kept.
  void tell(const Slice& message);
  // Settles which account and protocol it goes by.
  void change_lane(Lane& lane);

  // The request that was just answered has not got its answer yet.
  void await(Request& request);
  // It is sent once more.
  void begin_again(Request& request);

  // The answer to its large command, or to the question before it.
  void large_answered(Request& request);

  // For the router:
  void answered(Request* request);
  void stream(Upstream& upstream, Request& request);
  // Whether the rest of its reply, which it takes so slowly, can be had by another connection; and that it is
  // sent there once more.
  bool may_read_again(const Request& request) const;
  void read_again(Request& request);
  void told(Upstream& upstream, Request& frame);
  void own_lost(Upstream& upstream);
  void server_gone() { held_server_ = nullptr; }
  // One of its own has been written to.
  void server_took();
  void request_waits() { ++waiting_; }
  // By CLIENT PAUSE.
  void hold(bool held);
  void request_waits_no_more();

 private:
  enum class State {
    kOpen,
    kEnding,  // no more commands are read; it is closed when all is answered and written
    kClosed,
  };

  void shake_hands();
  void handshake_failed(const std::string& why);
  void read();
  // Where the next bytes go, behind those that are held.
  ChunkRef input_room();
  void keep_rest(size_t wanted_bytes);
  void parse();
  void take_commands();
  void take_beginning(size_t wanted_bytes);
  bool begin_large();
  void pass_on_by(Upstream& server, Request& request);
  void take_large();
  void break_large(const char* problem);
  void end_large();
  bool may_parse() const;
  size_t max_request_bytes() const;
  void take_answers();
  void pass_on(const Slice& piece, const Request& request);
  bool catch_up(Request& request);
  void end_stream(Request& request);
  void append_answer(Request* request);
  void end_if_done();
  void count(const Request& request);
  void watch();
  void want(Interest interest);
  void consume(size_t size_bytes);
  void append_told();

  Services& services_;
  Transport transport_;
  State state_ = State::kOpen;
  uint64_t id_;
  Address address_;
  Address local_;
  Session session_;
  Slice input_;              // read and not yet taken
  size_t wanted_bytes_ = 0;  // of the command that has only begun
  ScanProgress progress_;
  SliceQueue out_;
  ClientLine line_;
  size_t in_flight_bytes_ = 0;    // of the requests in line
  Request* exclusive_ = nullptr;  // it must be answered before anything else begins
  const resp::CommandSpec* last_command_ = nullptr;
  struct Own {
    Upstream* upstream = nullptr;
    Purpose purpose = Purpose::kNone;
  };

  std::vector<Own> own_;
  std::vector<Slice> told_;              // messages that have to wait for the end of a reply
  std::unique_ptr<PassedReply> passed_;  // of the first in line, if it may be read again
  Upstream* held_server_ = nullptr;      // that pauses until this client has taken what it has been sent
  uint64_t routed_by_ = 0;
  Channel channel_ = Channel::kMain;
  uint32_t waiting_ = 0;  // requests of this client that wait for a better time
  bool stuck_ = false;    // commands that have come have to wait
  bool held_ = false;     // by CLIENT PAUSE
  bool half_closed_ = false;
  bool closing_ = false;
  bool keeps_whole_ = false;             // the command that has only begun cannot be passed on in pieces
  std::unique_ptr<LargeCommand> large_;  // being passed on in pieces; null: none
  Interest interest_{true, false};
  int64_t active_ms_ = 0;
};

}  // namespace keyway::proxy
