// A stream of bytes to a server: its name is looked up, TCP connected, TLS agreed on, then bytes go both
// ways. What they mean is the matter of the classes that derive from it (Connection, ReplicationStream).
// Nothing blocks; everything happens in handlers of one event loop, whose thread it belongs to. Handlers keep
// it alive and do nothing once it is closed, so its owner may drop it at any moment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/detours.h"
#include "base/error.h"
#include "engine/resolver.h"
#include "engine/tls.h"

namespace keyway::engine {

// What all channels of one owner share; outlives those that are not closed.
struct Dialer {
  Dialer(boost::asio::io_context& loop, const TlsOptions& options, int64_t timeout_ms,
         std::string name_servers);

  boost::asio::io_context& io;
  Resolver resolver;
  Result<std::shared_ptr<const TlsContext>> tls;  // null: without TLS
  int64_t connect_timeout_ms;                     // until it is open; 0: no limit of its own
  // Longer silence is broken by probes of TCP's, and a peer that answers none of four is gone. 0: no probes.
  int probe_after_s = 0;
  std::shared_ptr<const Detours> detours = {};  // null: servers are reached at their own addresses
};

class Channel : public std::enable_shared_from_this<Channel> {
 public:
  Channel(Dialer& dialer, Address address);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  virtual ~Channel();

  const Address& address() const { return address_; }

  // Once. `opened` or `failed` follows, perhaps before it returns.
  void open();
  void close();
  bool is_open() const;
  // Open, nothing to be read, and as far as can be seen the server is still there.
  bool is_quiet();

 protected:
  virtual void opened() = 0;
  virtual void readable() = 0;                  // after wait_readable
  virtual void writable() = 0;                  // after wait_writable
  virtual void failed(const Error& error) = 0;  // it is closed by then

  // How many bytes were moved. 0: none for now, or it has failed: then `failed` has been called and it is not
  // open any more.
  size_t read(char* to, size_t size);
  size_t write(std::string_view bytes);
  // Whether a read of `got` bytes out of `asked` has emptied the socket, so that the next would give none.
  bool emptied(size_t got, size_t asked) const;
  bool over_tls() const;
  // Bytes that no readiness will tell of: read on.
  bool has_pending() const;
  void wait_readable();
  void wait_writable();

  // Closes it and tells `failed`: "WHAT 127.0.0.1:7001: WHY".
  void fail_io(std::string_view what, std::string_view why);
  // What to say of one that is not open after `timeout_ms`.
  Error not_opened_within(int64_t timeout_ms) const;

 private:
  struct Impl;
  friend struct Impl;

  Address address_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keyway::engine
