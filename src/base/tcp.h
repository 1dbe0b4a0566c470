// TCP sockets as all of Keyway wants them: non-blocking, closed on exec, without delay. Any thread.
#pragma once

#include "base/address.h"
#include "base/error.h"

namespace keyway {

// Begins to connect; gives the descriptor. kInvalidArgument: `address` is no IP address.
Result<int> begin_connect(const Address& address);

// A listener, where nobody else listens or will. Port 0: any. kInvalidArgument, kUnavailable.
Result<int> listen_at(const Address& address);

// One more where `first` listens, which listen_at gave to this process; who connects is given to one of them.
// The same errors.
Result<int> listen_beside(int first);

// Fits an accepted connection out.
void prepare_client(int fd);

// The addresses of the other end and of this one.
Address peer_of(int fd);
Address local_of(int fd);

}  // namespace keyway
