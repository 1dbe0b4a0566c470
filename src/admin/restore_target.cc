#include "admin/restore_target.h"

#include <utility>

#include "base/format.h"
#include "engine/observe.h"
#include "engine/refusal.h"
#include "resp/slot.h"

namespace keyway::admin {

using engine::Request;
using engine::Response;
using resp::Command;
using resp::Reply;

Result<Reply> RestoreTarget::ask(Command command) {
  cluster::Slot slot = resp::key_slot(kRestoreMark);
  Result<Keyspace::Answers> answers = keys_.ask({{slot, {command}}}, keys_.timeout_ms());
  if (!answers) return fail(answers.error());
  Reply reply = std::move(answers->front().front());
  if (reply.is_error()) return fail(engine::refusal(keys_.owner(slot), command, reply));
  return reply;
}

Result<KeyCount> RestoreTarget::count_keys() {
  // A failover may have made others primaries since.
  if (Status looked = keys_.look(); !looked) return fail(looked.error());
  bool settled = keys_.settled();
  int generation = keys_.generation();
  Result<std::optional<std::string>> marked = mark();
  if (!marked) return fail(marked.error());
  std::vector<Request> requests;
  for (const Address& primary : keys_.primaries()) requests.push_back({primary, {{"INFO"}}});
  std::vector<Response> responses = keys_.tell(requests, keys_.timeout_ms());
  int64_t count = 0;
  for (size_t i = 0; i < responses.size(); ++i) {
    if (responses[i].error) return fail(*responses[i].error);
    const Reply& info = responses[i].replies.front();
    cluster::ServerFacts facts;
    bool loading = false;
    if (info.is_error()) return fail(engine::refusal(requests[i].address, {"INFO"}, info));
    if (Status read = engine::parse_info(info.text, facts, loading); !read) return fail(read.error());
    count += facts.keys;
  }
  // A slot that just changes its owner may seem to have none.
  bool looked_again = keys_.look().has_value();
  bool exact = looked_again && settled && keys_.settled() && keys_.generation() == generation;
  return KeyCount{count - (*marked ? 1 : 0), exact};
}

Result<std::optional<std::string>> RestoreTarget::mark() {
  Result<Reply> reply = ask({"GET", kRestoreMark});
  if (!reply) return fail(reply.error());
  if (reply->is_null()) return std::optional<std::string>{};
  return std::optional(std::move(reply->text));
}

Status RestoreTarget::set_mark(const std::string& source) {
  Result<Reply> reply = ask({"SET", kRestoreMark, source});
  return reply ? Status{} : fail(reply.error());
}

Status RestoreTarget::remove_mark() {
  Result<Reply> reply = ask({"DEL", kRestoreMark});
  return reply ? Status{} : fail(reply.error());
}

Result<bool> RestoreTarget::load_functions(const std::string& code, bool replace) {
  Command command = {"FUNCTION", "LOAD"};
  if (replace) command.emplace_back("REPLACE");
  command.push_back(code);
  std::vector<Request> requests;
  for (const Address& primary : keys_.primaries()) requests.push_back({primary, {command}});
  std::vector<Response> responses = keys_.tell(requests, keys_.timeout_ms());
  bool loaded = true;
  for (size_t i = 0; i < responses.size(); ++i) {
    if (responses[i].error) return fail(*responses[i].error);
    const Reply& reply = responses[i].replies.front();
    if (!reply.is_error()) continue;
    if (!replace && reply.text.find("already exists") != std::string::npos) {
      loaded = false;
      continue;
    }
    Error error = engine::refusal(requests[i].address, {"FUNCTION", "LOAD"}, reply);
    if (reply.text.find("unknown command") != std::string::npos) {
      error = {ErrorCode::kUnsupported,
               fmt::format("{} ({}) knows no functions, which the files hold; servers have them from Redis "
                           "7.0 on. With --pattern '*' keys are restored without them",
                           to_string(requests[i].address), keys_.version())};
    }
    return fail(error);
  }
  return loaded;
}

}  // namespace keyway::admin
