// MULTI, EXEC, DISCARD, WATCH and UNWATCH. A transaction is kept in the proxy and sent by EXEC, whole, in one
// piece of the stream that its server gets: so nothing comes between its commands, and it can be sent on as
// one if its slot has moved. WATCH needs a connection of the client's own, which the transaction then goes
// by. One thread a worker.
#pragma once

#include "proxy/dispatcher.h"

namespace keyway::proxy {

Verdict transaction_command(Client& client, const CommandView& command);

// A command between MULTI and EXEC.
Verdict queue_in_transaction(Client& client, const CommandView& command, Treatment treatment);

// The answer to EXEC has come from where the transaction was tried out.
void stage_answered(Client& client, Request& request);

// The answer to the EXEC of a transaction that a server had refused.
void abort_answered(Client& client, Request& request);

// The answer to EXEC has come.
void exec_answered(Client& client, Request& request);

}  // namespace keyway::proxy
