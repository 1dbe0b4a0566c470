// A transaction is kept in the proxy until EXEC sends it. So that its client hears at once what a server
// would refuse (a user's rights, no memory left), commands of a client that waits for each answer are tried
// out between MULTI and DISCARD, on a connection that nothing else uses: they are never carried out there.
// One thread a worker.
#pragma once

#include "proxy/dispatcher.h"

namespace keyway::proxy {

inline constexpr std::string_view kQueued = "+QUEUED\r\n";

// Tries out the command that was queued last, and those before it that were not yet. False: that is not
// possible now.
bool rehearse(Client& client, const CommandView& command);

// The answer to that has come.
void rehearsed(Client& client, Request& request);

// The transaction is over.
void end_rehearsal(Client& client);

}  // namespace keyway::proxy
