// CLIENT: the proxy's own clients, those of all workers, not the connections that the servers see. One thread
// a worker.
#pragma once

#include "proxy/dispatcher.h"

namespace keyway::proxy {

Verdict client_id(Client& client, const CommandView& command);
Verdict client_info(Client& client, const CommandView& command);
Verdict client_list(Client& client, const CommandView& command);
Verdict client_kill(Client& client, const CommandView& command);
Verdict client_getname(Client& client, const CommandView& command);
Verdict client_setname(Client& client, const CommandView& command);
Verdict client_setinfo(Client& client, const CommandView& command);
Verdict client_pause(Client& client, const CommandView& command);
Verdict client_unpause(Client& client, const CommandView& command);
Verdict client_unblock(Client& client, const CommandView& command);
Verdict client_reply(Client& client, const CommandView& command);
Verdict client_no_evict(Client& client, const CommandView& command);
Verdict client_no_touch(Client& client, const CommandView& command);

}  // namespace keyway::proxy
