// A connection to one server that carries pipelines of commands: it logs in, sends what was added, and puts
// the replies in their places. Kept open from one exchange to the next by its Fleet; the loop's thread only.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/channel.h"
#include "engine/servers.h"

namespace keyway::engine {

struct Credentials {
  std::string user;  // empty: the default user
  std::string password;

  // With neither, no AUTH is sent.
  bool empty() const { return user.empty() && password.empty(); }
};

// AUTH as the account wants it.
resp::Command login_command(const Credentials& account);

// Why `reply` is no successful answer to login_command; nothing if it is one. Tells no password.
std::optional<Error> login_refusal(const Address& address, const Credentials& account,
                                   const resp::Reply& reply);

// What all connections of a fleet share; outlives those that are not closed.
struct Exchange {
  size_t unanswered = 0;       // requests that have neither been answered nor failed
  std::vector<char> received;  // bytes on their way from a socket to a parser
  std::function<Credentials()> credentials;
  size_t max_reply_bytes = 0;
};

class Connection : public Channel {
 public:
  Connection(Dialer& dialer, Exchange& exchange, const Address& address);

  // Whether commands can be given to it. A connection that its server has closed in the meantime is found out
  // here, before anything is sent: so no command is ever sent twice.
  bool usable();

  // Both outlive the exchange.
  void add(const Request& request, Response& response);
  // Works on what was added.
  void start();
  // Gives all that is unanswered up and closes.
  void time_out(int64_t timeout_ms);
  void drop();

 private:
  enum class State { kNew, kOpening, kAuthenticating, kIdle, kExchanging, kClosed };

  // One pipeline and the place for its replies.
  struct Turn {
    const Request* request;
    Response* response;
  };

  void opened() override;
  void readable() override;
  void writable() override { flush(); }
  void failed(const Error& error) override;

  void send_pipelines();
  void flush();
  bool refill();
  bool take_replies();
  void take(resp::Reply reply);
  void take_login(const resp::Reply& reply);
  void answer(resp::Reply reply);
  void fail_all(const Error& error);

  bool busy() const { return state_ == State::kAuthenticating || state_ == State::kExchanging; }

  Exchange& exchange_;
  Credentials account_;  // that it authenticates with; emptied when that is done
  resp::ReplyParser parser_;
  State state_ = State::kNew;
  std::vector<Turn> turns_;
  size_t turn_ = 0;          // those before it have been answered
  size_t sent_turn_ = 0;     // those before it have been sent, or are in out_
  size_t sent_command_ = 0;  // of sent_turn_
  size_t in_flight_ = 0;     // commands without a reply
  size_t largest_reply_bytes_ = 0;
  std::string out_;
  size_t written_ = 0;  // of out_
};

}  // namespace keyway::engine
