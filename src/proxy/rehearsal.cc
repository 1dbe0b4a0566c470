#include "proxy/rehearsal.h"

#include "proxy/client.h"
#include "proxy/router.h"
#include "proxy/services.h"

namespace keyway::proxy {

bool rehearse(Client& client, const CommandView& command) {
  Transaction& transaction = *client.session().transaction;
  // What is tracked has to go by one connection, so that what servers tell of it comes in order with their
  // answers, and nobody is told of what he has done himself.
  bool possible =
      transaction.may_rehearse && transaction.slot != Request::kNone && client.session().tracking == nullptr;
  if (!possible || !client.nothing_in_flight()) return false;
  Services& services = client.services();
  Upstream* stage = client.owned(Purpose::kRehearsal);
  std::string text = stage == nullptr ? transaction.begin : std::string();
  text += std::string_view(transaction.commands).substr(transaction.rehearsed_bytes);
  Request* request = client.add(command.spec, copy_of(text, services.loop.pool()));
  request->skip += transaction.count - transaction.rehearsed - (stage == nullptr ? 0 : 1);
  request->slot = transaction.slot;
  request->readonly = true;  // since nothing is carried out
  request->carrier = stage;
  request->leased = stage == nullptr;
  request->keeps_for = Purpose::kRehearsal;
  request->follow_up = FollowUp::kQueue;
  transaction.rehearsed = transaction.count;
  transaction.rehearsed_bytes = transaction.commands.size();
  client.wait_for_last();
  services.router.send(request);
  return true;
}

void rehearsed(Client& client, Request& request) {
  std::string_view answer = request.reply.text();
  if (answer == kQueued) return;
  Transaction& transaction = *client.session().transaction;
  bool certain = request.has_error_reply() && !parse_redirection(answer) && !is_passing(answer) &&
                 !answer.starts_with("-ERR keyway:");
  if (certain) {
    transaction.broken = transaction.refused_by_server = true;
    return;
  }
  // The server cannot say it now. EXEC will find one that does.
  transaction.may_rehearse = false;
  client.give_up(Purpose::kRehearsal);
  request.replace_reply(kQueued, client.services().loop.pool());
}

void end_rehearsal(Client& client) {
  Upstream* stage = client.let_go(Purpose::kRehearsal);
  if (stage == nullptr) return;
  Services& services = client.services();
  Request* order = services.loop.requests().take();
  order->lane = stage->lane;
  order->carrier = stage;
  order->leased = true;
  order->bytes = copy_of("*1\r\n$7\r\nDISCARD\r\n", services.loop.pool());
  services.router.send(order);
}

}  // namespace keyway::proxy
