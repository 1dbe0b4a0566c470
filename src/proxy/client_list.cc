// CLIENT INFO, LIST and KILL.
#include <algorithm>
#include <vector>

#include "base/format.h"
#include "base/strings.h"
#include "proxy/all_workers.h"
#include "proxy/client.h"
#include "proxy/client_commands.h"
#include "proxy/client_filter.h"
#include "proxy/refusals.h"
#include "proxy/services.h"

namespace keyway::proxy {

namespace {

// As servers show a client; what means nothing here is 0.
std::string line_of(const Client& client) {
  const Session& session = client.session();
  std::string flags;
  if (session.transaction != nullptr) flags += 'x';
  if (session.subscribed()) flags += 'P';
  if (session.no_evict) flags += 'e';
  if (session.no_touch) flags += 'T';
  if (flags.empty()) flags = "N";
  int64_t queued = session.transaction != nullptr ? int64_t{session.transaction->count} : -1;
  return fmt::format(
      "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db=0 sub={} psub={} ssub={} multi={} "
      "qbuf={} qbuf-free=0 argv-mem=0 multi-mem={} rbs=0 rbp=0 obl=0 oll={} omem={} tot-mem={} events=r "
      "cmd={} user={} redir=-1 resp={} lib-name={} lib-ver={}\n",
      client.id(), to_string(client.address()), to_string(client.local_address()), client.descriptor(),
      session.name, client.age_s(), client.idle_s(), flags, session.channels - session.patterns,
      session.patterns, session.shard_channels, queued, client.in_bytes(),
      session.transaction != nullptr ? session.transaction->commands.size() : 0,
      client.out_bytes() > 0 ? 1 : 0, client.out_bytes(), client.in_bytes() + client.out_bytes(),
      client.last_command(), user_of(client), session.resp3 ? 3 : 2, session.library,
      session.library_version);
}

// One behind the other as they connected.
std::string in_order(const std::vector<std::string>& texts) {
  std::vector<std::pair<uint64_t, std::string_view>> lines;
  for (const std::string& text : texts) {
    for (std::string_view line : split(text, '\n')) {
      if (line.empty()) continue;
      std::string_view id = line.substr(3, line.find(' ') - 3);
      lines.emplace_back(parse_uint(id).value_or(0), line);
    }
  }
  std::ranges::sort(lines);
  std::string all;
  for (auto& [id, line] : lines) (all += line) += '\n';
  return all;
}

std::string kill(const ClientFilter& filter, uint64_t own_id, Services& there) {
  int64_t killed = 0;
  there.clients.for_each([&](Client& victim) {
    if (!filter.fits(victim)) return;
    ++killed;
    if (victim.id() == own_id) {
      victim.close_when_answered();
    } else {
      victim.close_later();
    }
  });
  return std::to_string(killed);
}

}  // namespace

Verdict client_info(Client& client, const CommandView&) { return answer(client, bulk(line_of(client))); }

Verdict client_list(Client& client, const CommandView& command) {
  ClientFilter filter;
  bool skip_me = false;
  std::string problem = read_filter(command.arguments.subspan(2), filter, skip_me);
  if (!problem.empty()) return refuse(client, problem);
  if (skip_me) filter.left_out = client.id();
  return ask_all_workers(
      client, command,
      [filter](Services& there) {
        std::string lines;
        there.clients.for_each([&](Client& each) {
          if (filter.fits(each)) lines += line_of(each);
        });
        return lines;
      },
      [](const std::vector<std::string>& answers) { return bulk(in_order(answers)); });
}

Verdict client_kill(Client& client, const CommandView& command) {
  ClientFilter filter;
  bool old_form = command.arguments.size() == 3;
  bool skip_me = !old_form;
  if (old_form) {
    filter.address = command.arguments[2];
  } else if (std::string problem = read_filter(command.arguments.subspan(2), filter, skip_me);
             !problem.empty()) {
    return refuse(client, problem);
  }
  if (skip_me) filter.left_out = client.id();
  return ask_all_workers(
      client, command,
      [filter, own_id = client.id()](Services& there) { return kill(filter, own_id, there); },
      [old_form](const std::vector<std::string>& answers) -> std::string {
        int64_t killed = 0;
        for (const std::string& answer : answers) killed += parse_int(answer).value_or(0);
        if (!old_form) return fmt::format(":{}\r\n", killed);
        return killed > 0 ? "+OK\r\n" : "-ERR No such client\r\n";
      });
}

}  // namespace keyway::proxy
