// Commands that concern the clients of all workers: each worker is asked, in its own thread, and the answers
// become one. One thread a worker.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "proxy/dispatcher.h"

namespace keyway::proxy {

// Runs in each worker's thread with that worker's services.
using Question = std::function<std::string(Services& there)>;
// Makes the reply of all answers, in the client's own thread.
using Summary = std::function<std::string(const std::vector<std::string>& answers)>;

Verdict ask_all_workers(Client& client, const CommandView& command, const Question& question,
                        Summary summary);

}  // namespace keyway::proxy
