#include "proxy/transactions.h"

#include <memory>
#include <utility>

#include "base/format.h"
#include "proxy/client.h"
#include "proxy/refusals.h"
#include "proxy/rehearsal.h"
#include "proxy/router.h"
#include "proxy/script_calls.h"
#include "proxy/services.h"

namespace keyway::proxy {

namespace {

constexpr std::string_view kPreviousErrors =
    "-EXECABORT Transaction discarded because of previous errors.\r\n";

Verdict multi(Client& client, const CommandView& command) {
  if (client.session().transaction != nullptr)
    return answer(client, "-ERR MULTI calls can not be nested\r\n");
  client.session().transaction = std::make_unique<Transaction>();
  client.session().transaction->begin = command.bytes.text();
  return answer(client, kOk);
}

Verdict discard(Client& client) {
  if (client.session().transaction == nullptr) return answer(client, "-ERR DISCARD without MULTI\r\n");
  client.session().transaction.reset();
  end_rehearsal(client);
  client.give_up_watch();
  return answer(client, kOk);
}

Verdict watch(Client& client, const CommandView& command) {
  if (client.session().transaction != nullptr)
    return answer(client, "-ERR WATCH inside MULTI is not allowed\r\n");
  KeySlot found = client.services().dispatcher.slot_of(*command.spec, command.arguments);
  if (found.kind != KeySlot::Kind::kOne) return refuse(client, std::string(kCrossSlot));
  if (!client.nothing_in_flight()) return Verdict::kHold;
  Services& services = client.services();
  Upstream* own = client.owned(Purpose::kWatch);
  bool elsewhere = own != nullptr && own->target().node != services.router.routes().owner(found.slot);
  if (elsewhere) return refuse(client, std::string(kCrossSlot));
  Request* request = client.add(command.spec, command.bytes);
  request->slot = found.slot;
  request->carrier = own;
  request->leased = own == nullptr;
  request->keeps_for = Purpose::kWatch;
  client.wait_for_last();
  services.router.send(request);
  return Verdict::kTaken;
}

Verdict unwatch(Client& client, const CommandView& command) {
  if (client.session().transaction != nullptr)
    return queue_in_transaction(client, command, {Handling::kAnyServer});
  client.give_up_watch();
  return answer(client, kOk);
}

// A server that is busy says so even of a transaction that has failed already; so it is asked, by one without
// any command.
Verdict abort(Client& client, const CommandView& command, const Transaction& transaction) {
  Services& services = client.services();
  std::string text = transaction.begin;
  text += command.bytes.text();
  Request* request = client.add(command.spec, copy_of(text, services.loop.pool()));
  request->slot = transaction.slot;
  request->readonly = true;
  ++request->skip;
  request->follow_up = FollowUp::kAbort;
  client.wait_for_last();
  services.router.send(request);
  return Verdict::kTaken;
}

// The whole transaction, in one piece; the request is EXEC so far.
void compose(const Transaction& transaction, Client& client, Request& request) {
  std::string text = transaction.begin;
  text += transaction.commands;
  text += request.bytes.text();
  request.bytes = copy_of(text, client.services().loop.pool());
  request.skip = transaction.count + 1;
  request.follow_up = FollowUp::kExec;
  if (std::string_view caching = client.session().caching; !caching.empty())
    client.put_before(caching, request);
}

// Where all commands were tried out the server has queued them; EXEC is all that it waits for.
bool is_staged(Client& client, const Transaction& transaction) {
  return client.owned(Purpose::kRehearsal) != nullptr && client.owned(Purpose::kWatch) == nullptr &&
         transaction.rehearsed == transaction.count && client.session().caching.empty();
}

Verdict send_exec(Client& client, const CommandView& command, std::unique_ptr<Transaction> transaction) {
  Request* request = client.add(command.spec, {});
  request->bytes = command.bytes;
  request->slot = transaction->slot;
  request->readonly = transaction->readonly;
  if (is_staged(client, *transaction)) {
    request->follow_up = FollowUp::kStage;
    request->carrier = client.owned(Purpose::kRehearsal);
    client.session().transaction = std::move(transaction);  // until it is certain that it is not needed again
  } else {
    end_rehearsal(client);
    compose(*transaction, client, *request);
    request->carrier = client.owned(Purpose::kWatch);
  }
  client.wait_for_last();
  client.services().router.send(request);
  return Verdict::kTaken;
}

Verdict exec(Client& client, const CommandView& command) {
  Session& session = client.session();
  if (session.transaction == nullptr) return answer(client, "-ERR EXEC without MULTI\r\n");
  if (!client.nothing_in_flight()) return Verdict::kHold;
  std::unique_ptr<Transaction> transaction = std::move(session.transaction);
  bool watch_lost = std::exchange(session.watch_lost, false);
  if (transaction->broken) {
    end_rehearsal(client);
    client.give_up_watch();
    return transaction->refused_by_server ? abort(client, command, *transaction)
                                          : answer(client, kPreviousErrors);
  }
  if (watch_lost) {
    end_rehearsal(client);
    return answer(client, session.resp3 ? "_\r\n" : "*-1\r\n");
  }
  bool watches = client.owned(Purpose::kWatch) != nullptr;
  if (transaction->count == 0 && !watches) return answer(client, "*0\r\n");
  return send_exec(client, command, std::move(transaction));
}

// Commands without keys that one server can be asked between others.
bool fits_transaction(const CommandView& command, Treatment treatment, size_t shards) {
  switch (treatment.handling) {
    case Handling::kByKeys:
    case Handling::kScript:
    case Handling::kEval:
    case Handling::kEvalSha:
    case Handling::kSplit:
    case Handling::kBlocking:
    case Handling::kAnyServer:
    case Handling::kByChannel:
      return true;
    case Handling::kEveryShard:
    case Handling::kLoadScript:
    case Handling::kFlushScripts:
      return shards == 1;
    case Handling::kOwn:
      return shards == 1 && (command.spec->name == "scan" || command.spec->name == "debug");
    default:
      return false;
  }
}

}  // namespace

Verdict queue_in_transaction(Client& client, const CommandView& command, Treatment treatment) {
  Transaction& transaction = *client.session().transaction;
  Services& services = client.services();
  bool fits = fits_transaction(command, treatment, services.router.routes().shard_slots().size());
  if (command.spec->has(resp::command_flag::kNoMulti))
    return refuse(client, "-ERR Command not allowed inside a transaction\r\n");
  if (!fits) {
    return refuse(client,
                  fmt::format("-ERR keyway: '{}' is not possible in a transaction through the proxy\r\n",
                              command.spec->name));
  }
  KeySlot found = client.services().dispatcher.slot_of(*command.spec, command.arguments);
  bool other_slot = found.kind == KeySlot::Kind::kOne && transaction.slot != Request::kNone &&
                    transaction.slot != found.slot;
  if (found.kind == KeySlot::Kind::kSeveral || other_slot) return refuse(client, std::string(kCrossSlot));
  if (found.kind == KeySlot::Kind::kUnknown) return refuse(client, keys_unknown(*command.spec));
  size_t size = transaction.commands.size() + command.bytes.size_bytes;
  if (size > services.limits.max_request_bytes)
    return refuse(client, "-ERR keyway: the transaction is too big\r\n");
  if (found.kind == KeySlot::Kind::kOne) transaction.slot = found.slot;
  transaction.readonly = transaction.readonly && command.spec->has(resp::command_flag::kReadOnly);
  transaction.may_write = transaction.may_write || may_write(*command.spec);
  transaction.commands += command.bytes.text();
  ++transaction.count;
  note_scripts(services.scripts, command, treatment);
  if (treatment.handling == Handling::kEvalSha && give_script_before(client, command, transaction.slot))
    return Verdict::kTaken;
  // Who has sent what comes next does not look at this answer before.
  if (!command.more_follow && rehearse(client, command)) return Verdict::kTaken;
  return answer(client, kQueued);
}

Verdict transaction_command(Client& client, const CommandView& command) {
  std::string_view name = command.spec->name;
  if (name == "multi") return multi(client, command);
  if (name == "exec") return exec(client, command);
  if (name == "discard") return discard(client);
  if (name == "watch") return watch(client, command);
  return unwatch(client, command);
}

void stage_answered(Client& client, Request& request) {
  std::unique_ptr<Transaction> transaction = std::move(client.session().transaction);
  std::string_view answer = request.reply.text();
  request.carrier = nullptr;
  if (!request.has_error_reply() || (!parse_redirection(answer) && !is_passing(answer)))
    return client.hand_back(Purpose::kRehearsal);
  // Nothing was carried out there, and it goes where that is possible.
  client.give_up(Purpose::kRehearsal);
  request.drop_reply();
  compose(*transaction, client, request);
  client.begin_again(request);
}

void abort_answered(Client& client, Request& request) {
  if (request.reply.text().starts_with("-EXECABORT")) return;
  request.replace_reply(kPreviousErrors, client.services().loop.pool());
}

void exec_answered(Client& client, Request& request) {
  // A watched key that has moved away may have changed there.
  if (request.carrier != nullptr && parse_redirection(request.early_error.text())) {
    request.replace_reply(client.session().resp3 ? "_\r\n" : "*-1\r\n", client.services().loop.pool());
  }
  // The client was told that everything is queued, so it has to be told what is wrong.
  if (request.reply.text().starts_with("-EXECABORT") && request.early_error.size_bytes > 0) {
    std::string why(request.early_error.text().substr(1));
    request.reply =
        copy_of("-EXECABORT Transaction discarded because of: " + why, client.services().loop.pool());
  }
  if (request.carrier == nullptr) return;
  request.carrier = nullptr;
  client.hand_back(Purpose::kWatch);
}

}  // namespace keyway::proxy
