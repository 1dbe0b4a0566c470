// EVALSHA: a script is known only to the servers that were given it, while to clients the proxy is one
// server. So a server that lacks a script is given it, as far as a client has brought it or another server
// has it. One thread a worker.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/dispatcher.h"
#include "proxy/handling.h"

namespace keyway::proxy {

class ScriptNotes;

// Takes note of the scripts that the command brings, or ends.
void note_scripts(ScriptNotes& notes, const CommandView& command, const Treatment& treatment);

// The request, which is the last in line, calls a script. What the client has sent behind it has to wait
// unless its server is known to have the script, so as not to be carried out before it.
void expect_script(Client& client, Request& request, uint64_t call);
// Its answer has come. If no server has the script and no client has brought it, it stays NOSCRIPT.
void script_answered(Client& client, Request& request);

// What fails within a transaction cannot be called again: so the slot's owner is given the script beforehand.
// True: that will be the command's answer; false: there is no need, or the proxy has not got it.
bool give_script_before(Client& client, const CommandView& command, uint16_t slot);
void script_given(Client& client, Request& request);

// The digest that the request calls a script by.
std::string digest_in(const Request& request);
// SCRIPT LOAD, as it is sent.
Slice load_command(std::string_view script, ChunkPool& pool);

}  // namespace keyway::proxy
