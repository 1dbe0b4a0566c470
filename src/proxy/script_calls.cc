#include "proxy/script_calls.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "proxy/client.h"
#include "proxy/fan_out.h"
#include "proxy/gather.h"
#include "proxy/refusals.h"
#include "proxy/rehearsal.h"
#include "proxy/router.h"
#include "proxy/script_notes.h"
#include "proxy/services.h"
#include "resp/command.h"

namespace keyway::proxy {

namespace {

// The script that a server has shown; nothing if none has it, or if they cannot show any (before Valkey 8).
std::optional<std::string> shown_script(const Gather& gather) {
  for (const Request* part : gather.parts) {
    std::string reply = part->reply_text();
    size_t begin = reply.find("\r\n") + 2;
    if (reply.starts_with('$') && reply.size() >= begin + 2)
      return reply.substr(begin, reply.size() - begin - 2);
  }
  return std::nullopt;
}

// All servers have been asked for it.
void script_sought(Client& client, Request& request) {
  std::optional<std::string> script = shown_script(*request.gather);
  drop_parts(request, client.services().loop.requests());
  if (!script) return;
  client.services().scripts.store().keep(*script);
  request.drop_reply();
  client.begin_again(request);
}

}  // namespace

void note_scripts(ScriptNotes& notes, const CommandView& command, const Treatment& treatment) {
  if (treatment.handling == Handling::kEval) return notes.keep(command.arguments[1]);
  if (command.spec->name == "script|load") return notes.keep(command.arguments[2]);
  if (command.spec->name == "script|flush") notes.forget_all();
}

void expect_script(Client& client, Request& request, uint64_t call) {
  Services& services = client.services();
  request.script_call = call;
  request.follow_up = FollowUp::kScript;
  if (request.slot == Request::kNone) return;  // nobody can tell which server it will be
  uint16_t owner = services.router.routes().owner(request.slot);
  if (!services.scripts.is_known(call, owner)) client.wait_for_last();
}

void script_answered(Client& client, Request& request) {
  if (request.gather != nullptr) return script_sought(client, request);
  bool elsewhere = client.services().router.routes().shard_slots().size() > 1;
  bool lacking = request.reply.text().starts_with("-NOSCRIPT");
  if (!lacking || !elsewhere || request.script_search != ScriptSearch::kNone) return;
  request.script_search = ScriptSearch::kSought;
  std::string question;
  resp::append(question, {"SCRIPT", "SHOW", digest_in(request)});
  client.await(request);
  ask_every_shard(client, request, copy_of(question, client.services().loop.pool()));
}

bool give_script_before(Client& client, const CommandView& command, uint16_t slot) {
  Services& services = client.services();
  uint64_t call = ScriptNotes::call_of(command.arguments[1]);
  if (call == 0 || slot == Request::kNone) return false;
  uint16_t owner = services.router.routes().owner(slot);
  if (services.scripts.is_known(call, owner)) return false;
  std::optional<std::string> script = services.scripts.store().find(command.arguments[1]);
  if (!script) return false;
  Request* request = client.add(command.spec, load_command(*script, services.loop.pool()));
  request->slot = slot;
  request->script_call = call;
  request->readonly = true;  // it may be given it twice
  client.follow_last(FollowUp::kGiveScript);
  services.router.send(request);
  return true;
}

void script_given(Client& client, Request& request) {
  request.replace_reply(kQueued, client.services().loop.pool());
}

std::string digest_in(const Request& request) {
  std::string_view bytes = request.bytes.text();
  std::vector<std::string_view> arguments;
  std::string unquoted;
  for (uint32_t i = 0; i <= request.skip; ++i) {
    ScanProgress progress;
    RequestScan scan = scan_request(bytes, {}, progress, arguments, unquoted);
    if (scan.state != ScanState::kWhole) return {};
    bytes.remove_prefix(scan.size_bytes);
  }
  return arguments.size() > 1 ? std::string(arguments[1]) : std::string();
}

Slice load_command(std::string_view script, ChunkPool& pool) {
  std::string text;
  resp::append(text, {"SCRIPT", "LOAD", std::string(script)});
  return copy_of(text, pool);
}

}  // namespace keyway::proxy
