#include "proxy/key_question.h"

#include <memory>
#include <utility>
#include <vector>

#include "proxy/client.h"
#include "proxy/refusals.h"
#include "proxy/router.h"
#include "proxy/services.h"
#include "resp/reply.h"
#include "resp/slot.h"

namespace keyway::proxy {

namespace {

constexpr std::string_view kNoKeys = "-ERR The command has no key arguments";

// Of all keys that the answer names; kUnknown: it is no such answer.
KeySlot slot_of_answer(const Request& request) {
  if (request.reply.text().starts_with(kNoKeys)) return {};
  KeySlot found{KeySlot::Kind::kUnknown};
  resp::ReplyParser parser;
  parser.feed(request.reply_text());
  auto reply = parser.next();
  if (!reply || !*reply || (*reply)->type != resp::ReplyType::kArray) return found;
  found.kind = KeySlot::Kind::kNone;
  for (const resp::Reply& key : (*reply)->elements) {
    uint16_t slot = resp::key_slot(key.text);
    if (found.kind == KeySlot::Kind::kNone) found = {KeySlot::Kind::kOne, slot};
    if (slot != found.slot) found.kind = KeySlot::Kind::kSeveral;
  }
  return found;
}

}  // namespace

Verdict ask_for_keys(Client& client, const CommandView& command, Channel channel, bool leased) {
  if (!client.nothing_in_flight()) return Verdict::kHold;
  Services& services = client.services();
  Session& session = client.session();
  session.key_question = std::make_unique<KeyQuestion>(
      KeyQuestion{command.spec, command.bytes, channel, leased, session.caching});
  std::vector<std::string_view> words = {"COMMAND", "GETKEYS"};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  Request* request = client.add(nullptr, encode(words, services.loop.pool()));
  request->readonly = true;
  client.follow_last(FollowUp::kKeys);
  services.router.send(request);
  return Verdict::kTaken;
}

void keys_told(Client& client, Request& request) {
  std::unique_ptr<KeyQuestion> question = std::move(client.session().key_question);
  KeySlot found = slot_of_answer(request);
  if (found.kind == KeySlot::Kind::kSeveral)
    return request.replace_reply(kCrossSlot, client.services().loop.pool());
  if (found.kind == KeySlot::Kind::kUnknown) return;
  request.drop_reply();
  request.early_error = {};
  request.command = question->command;
  request.bytes = std::move(question->bytes);
  request.skip = 0;
  if (!question->caching.empty()) client.put_before(question->caching, request);
  request.slot = found.slot;
  request.channel = question->channel;
  request.leased = question->leased;
  request.readonly = request.command->has(resp::command_flag::kReadOnly);
  request.follow_up = FollowUp::kNone;
  request.redirections = 0;
  request.deadline_ms = 0;
  client.begin_again(request);
}

}  // namespace keyway::proxy
