// One client of a translating proxy and the one server it speaks to: bytes go through as they are, but for
// the addresses of nodes in what the server says. Whoever reads slowly holds the other end back. Owned by the
// translating worker; one thread.
#pragma once

#include <string>

#include "base/address.h"
#include "base/detours.h"
#include "proxy/limits.h"
#include "proxy/loop.h"
#include "proxy/reply_translate.h"
#include "proxy/request_track.h"
#include "proxy/stats.h"

namespace keyway::proxy {

class Passage;

// Keeps the passages of a worker. Outlives them.
class Passages {
 public:
  virtual ~Passages() = default;
  virtual void closed(Passage& passage) = 0;
  virtual const NodeMap& nodes() const = 0;
  // Something led to a node that is not known, or one that is known cannot be reached.
  virtual void look_again() = 0;
};

// As a peer it is the client's end.
class Passage : public Peer {
 public:
  // `fd`, the client's socket, becomes its own.
  Passage(Loop& loop, const Limits& limits, Stats& stats, Passages& owner, int fd, Address server);
  Passage(const Passage&) = delete;
  Passage& operator=(const Passage&) = delete;
  ~Passage() override;

  // Begins to connect to the server, by way of `detours` if there are any.
  Status open(const std::shared_ptr<const Detours>& detours);

  void ready(const Readiness& readiness) override;
  void flush() override;
  void go_on() override {}

  void close();
  // As soon as no command waits for its reply.
  void close_when_answered();
  // Checked now and then: gives up a server that cannot be reached for too long.
  void check_age();

 private:
  enum class State {
    kConnecting,
    kOpen,
    kServerEnded,  // what the server has said is still to be written
    kClosed,
  };

  struct ServerEnd : Peer {
    explicit ServerEnd(Passage& owner) : passage(owner) {}
    void ready(const Readiness& readiness) override { passage.server_ready(readiness); }
    void flush() override { passage.flush_server(); }
    void go_on() override {}
    Passage& passage;
  };

  struct End {
    int fd = -1;
    SliceQueue out;  // to be written there
    Interest interest;
    bool blocked = false;  // it takes no more for now

    bool may_take(size_t limit_bytes) const { return out.size_bytes() < limit_bytes; }
  };

  void connected();
  void server_ready(const Readiness& readiness);
  void flush_server();
  void read_client();
  bool read_server();
  void take_from_server(std::string_view bytes, const ChunkRef& chunk);
  void server_ended();
  bool write(End& end);
  void watch();
  void watch(End& end, Pollable& owner, bool reads);
  void end_if_done();

  Loop& loop_;
  const Limits& limits_;
  Stats& stats_;
  Passages& owner_;
  const Address server_;
  std::string here_;  // the host by which the client reached the proxy
  State state_ = State::kConnecting;
  int64_t since_ms_ = 0;
  End client_;
  End upstream_;
  ServerEnd server_end_;
  bool client_ended_ = false;  // it has said all it has to say
  bool end_told_ = false;      // and the server knows
  bool leaving_ = false;       // close_when_answered()
  std::string held_;           // an unfinished line of the server's
  RequestTracker requests_;
  ReplyTranslator replies_;
};

}  // namespace keyway::proxy
