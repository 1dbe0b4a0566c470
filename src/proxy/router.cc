#include "proxy/router.h"

#include <algorithm>

#include "base/format.h"
#include "proxy/client.h"
#include "proxy/events.h"
#include "proxy/gather.h"
#include "proxy/large_command.h"
#include "proxy/script_calls.h"
#include "proxy/script_notes.h"
#include "proxy/tracking.h"

namespace keyway::proxy {

namespace {

constexpr int64_t kRetryMs = 10;
constexpr std::string_view kClientId = "*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n";
constexpr int64_t kCheckMs = 100;
constexpr int kIdleTurnMs = 500;
constexpr uint8_t kMaxRedirections = 32;
constexpr int64_t kMaxBackOffMs = 1000;
constexpr size_t kStreamBytes = size_t{32} << 10;  // a reply that is longer is passed on before it is whole

// Who is held up by it.
Client* client_of(const Request& request) {
  return request.gather != nullptr ? request.gather->whole->client : request.client;
}

// Whether the connection that its reply came by becomes its client's own.
bool keeps(const Request& request) {
  if (request.keeps_for == Purpose::kNone || request.client == nullptr) return false;
  if (!request.has_error_reply() || request.keeps_for == Purpose::kRehearsal) return true;
  return request.keeps_for == Purpose::kLarge && is_denied(request.reply.text());
}

void tell_lost(Upstream& upstream, const std::string& why) {
  const Upstream::Target& target = upstream.target();
  if (upstream.denied()) {
    // What a client claims to be is told where it logs in.
    if (upstream.line().front()->follow_up != FollowUp::kNone) return;
    return tell(LogLevel::kWarning, Event::kDeniedLogin, "a server has denied an account that clients act as",
                {{"server", to_string(target.address)}, {"user", target.account.shown_user()}, {"why", why}});
  }
  tell(LogLevel::kWarning, Event::kLostServer,
       upstream.was_open() ? "the connection to a server is lost" : "a server cannot be reached",
       {{"server", to_string(target.address)},
        {"why", why},
        {"unanswered", std::to_string(upstream.line().size() + upstream.parked().size())}});
}

}  // namespace

Router::Router(Loop& loop, const Limits& limits, Stats& stats, ScriptNotes& scripts,
               std::function<void()> look_again)
    : loop_(loop), limits_(limits), stats_(stats), scripts_(scripts), look_again_(std::move(look_again)) {}

Router::~Router() = default;

void Router::set_topology(const Topology& topology) {
  routes_.apply(topology);
  for (const TopologyNode& node : topology.nodes) {
    if (!node.failed) continue;
    uint16_t place = routes_.place_of(node.address);
    for_each_lane([&](Lane& lane) { lane.close_node(place, "the cluster has given the server up"); });
  }
  retry_waiting();
}

void Router::set_reads(const ReadPlan& plan) {
  readers_.apply(plan, routes_);
  for (const Address& silent : plan.silent) {
    uint16_t place = routes_.place_of(silent);
    for_each_lane([&](Lane& lane) { lane.close_reader(place, "the replica does not answer"); });
  }
}

Lane* Router::enter(const Account& account, bool resp3) {
  auto key = std::make_pair(account, resp3);
  auto found = lanes_.find(key);
  if (found == lanes_.end()) {
    if (lanes_.size() >= limits_.max_accounts) return nullptr;
    auto lane = std::make_unique<Lane>(loop_, limits_, *this, routes_, account, resp3);
    found = lanes_.emplace(std::move(key), std::move(lane));
  }
  ++found->second->users;
  return found->second.get();
}

Lane& Router::enter_alone(const Account& account, bool resp3, Lane::Tracking tracking) {
  auto lane = std::make_unique<Lane>(loop_, limits_, *this, routes_, account, resp3);
  lane->track(std::move(tracking));
  lane->users = 1;
  lanes_of_one_.push_back(std::move(lane));
  return *lanes_of_one_.back();
}

void Router::change_password(const Account& account, const std::string& password) {
  if (account.password == password) return;
  for (bool resp3 : {false, true}) {
    auto found = lanes_.find({account, resp3});
    if (found == lanes_.end()) continue;
    auto entry = lanes_.extract(found);
    entry.key().first.password = password;
    entry.mapped()->set_password(password);
    lanes_.insert(std::move(entry));
  }
  for (const std::unique_ptr<Lane>& lane : lanes_of_one_) {
    if (lane->account() == account) lane->set_password(password);
  }
}

void Router::leave(Lane& lane, bool refused) {
  if (lane.tracking() != nullptr) return leave_alone(lane);
  --lane.users;
  if (lane.users == 0) lane.idle_since_ms = refused ? 0 : loop_.now_ms();
}

// Its requests have been answered, or are nobody's any more.
void Router::leave_alone(Lane& lane) {
  auto found = std::ranges::find(lanes_of_one_, &lane, [](const auto& each) { return each.get(); });
  std::unique_ptr<Lane> left = std::move(*found);
  lanes_of_one_.erase(found);
  left->stop_listening();
  left->close();
}

void Router::for_each_lane(const std::function<void(Lane&)>& act) {
  for (auto& [key, lane] : lanes_) act(*lane);
  for (auto& lane : lanes_of_one_) act(*lane);
}

// A lane that tracks writes everywhere has to have a connection to each primary, new ones too.
void Router::look_after(Lane& lane) {
  lane.check_age();
  if (!lane.tracking()->everywhere) return;
  for (uint16_t slot : routes_.shard_slots()) lane.shared(routes_.owner(slot), Channel::kMain);
}

uint16_t Router::node_of(const Request& request) {
  if (request.node != Request::kNone) return request.node;
  if (request.slot != Request::kNone) return routes_.owner(request.slot);
  const std::vector<uint16_t>& shards = routes_.shard_slots();
  if (shards.empty()) return Routes::kNobody;
  ++next_shard_;
  return routes_.owner(shards[next_shard_ % shards.size()]);
}

// False: the owner of the slot is to answer it.
bool Router::send_to_reader(Request* request) {
  uint16_t owner = routes_.owner(request->slot);
  uint16_t node = readers_.next(request->slot, owner, loop_.now_ms());
  if (node == Routes::kNobody || node == owner) return false;
  Upstream* upstream = request->lane->reader(node);
  if (upstream == nullptr) return false;
  pass(*upstream, request);
  return true;
}

// After a replica's error, whatever it says: only the owner's counts.
bool Router::ask_owner(Upstream& upstream, Request* request) {
  std::string_view error = request->reply.text();
  if (error.starts_with("-MOVED")) look_again_();
  if (error.starts_with("-MOVED") || is_passing(error))
    readers_.spare(upstream.target().node, loop_.now_ms());
  request->drop_reply();
  request->may_lag = false;
  send(request);
  return true;
}

void Router::send(Request* request) {
  if (request->carrier != nullptr) return request->carrier->send(request);
  if (request->may_lag && send_to_reader(request)) return;
  uint16_t node = node_of(*request);
  if (node == Routes::kNobody) [[unlikely]] {
    look_again_();
    return wait(request, "-CLUSTERDOWN Hash slot not served");
  }
  Upstream* upstream =
      request->leased ? request->lane->lease(node) : request->lane->shared(node, request->channel);
  if (upstream == nullptr) [[unlikely]] {
    look_again_();
    return wait(request, fmt::format("-ERR keyway: the server {} cannot be reached",
                                     to_string(routes_.node(node).address)));
  }
  if (request->leased) request->carrier = upstream;
  // So that CLIENT UNBLOCK can name it, and is not sent before the server has come to the command.
  bool may_block = request->leased && request->client != nullptr && request->command != nullptr &&
                   request->command->has(resp::command_flag::kBlocking);
  if (may_block && !request->bytes.text().starts_with(kClientId))
    request->client->put_before(kClientId, *request);
  pass(*upstream, request);
}

void Router::pass(Upstream& upstream, Request* request) {
  if (upstream.line().size() >= limits_.max_server_in_flight) [[unlikely]]
    return park(upstream, request);
  upstream.send(request);
}

// Nothing more is read of its client meanwhile, so that its requests stay in order.
void Router::park(Upstream& upstream, Request* request) {
  Client* client = client_of(*request);
  if (client == nullptr) return complete(request);
  if (upstream.parked().size() >= limits_.max_waiting) {
    request->carrier = nullptr;
    return fail(request, fmt::format("-ERR keyway: too many requests wait for the server {}",
                                     to_string(upstream.target().address)));
  }
  request->waiting = true;
  stats_.parked.add();
  client->request_waits();
  upstream.parked().push(request);
}

void Router::unpark(Upstream& upstream) {
  while (!upstream.parked().empty() && upstream.line().size() < limits_.max_server_in_flight) {
    Request* request = upstream.parked().pop();
    if (wakes(request)) upstream.send(request);
  }
}

void Router::complete(Request* request) {
  if (request->gather != nullptr) {
    Gather& gather = *request->gather;
    --gather.missing;
    if (gather.missing > 0) return;
    Request* whole = gather.whole;
    if (whole->client != nullptr) return whole->client->answered(whole);
    return discard_gather(whole, loop_.requests());
  }
  if (request->client != nullptr) return request->client->answered(request);
  loop_.requests().give_back(request);
}

void Router::fail(Request* request, std::string_view error) {
  request->replace_reply(fmt::format("{}\r\n", error), loop_.pool());
  complete(request);
}

void Router::abandon(Request* request) {
  request->client = nullptr;
  if (request->gather != nullptr) return abandon_parts(request);
  if (request->done) return loop_.requests().give_back(request);
  end_lease(*request);
}

// The last of them to end may take the gather with it.
void Router::abandon_parts(Request* whole) {
  if (whole->gather->missing == 0) return discard_gather(whole, loop_.requests());
  std::vector<Request*> leased;
  for (Request* part : whole->gather->parts) {
    if (part->leased && part->carrier != nullptr) leased.push_back(part);
  }
  for (Request* part : leased) end_lease(*part);
}

// A blocking command has its connection for itself; the server is to forget it.
void Router::end_lease(Request& request) {
  if (request.leased && request.carrier != nullptr) request.carrier->close_unneeded("its client has gone");
}

void Router::wait(Request* request, std::string_view error) {
  request->replace_reply(fmt::format("{}\r\n", error), loop_.pool());
  wait(request);
}

void Router::wait(Request* request) {
  Client* client = client_of(*request);
  int64_t now_ms = loop_.now_ms();
  if (request->deadline_ms == 0) request->deadline_ms = now_ms + limits_.wait_ms;
  bool given_up = request->deadline_ms <= now_ms || waiting_.size() >= limits_.max_waiting;
  if (client == nullptr || given_up) return complete(request);
  request->waiting = true;
  stats_.waits.add();
  client->request_waits();
  waiting_.push(request);
}

bool Router::wakes(Request* request) {
  request->waiting = false;
  Client* client = client_of(*request);
  if (client == nullptr) {
    complete(request);
    return false;
  }
  client->request_waits_no_more();
  return true;
}

void Router::retry_waiting() {
  waited_at_ms_ = loop_.now_ms();
  UpstreamLine waiting = std::exchange(waiting_, {});
  while (!waiting.empty()) {
    Request* request = waiting.pop();
    if (!wakes(request)) continue;
    if (request->deadline_ms <= waited_at_ms_) {
      complete(request);
      continue;
    }
    request->drop_reply();
    send(request);
  }
}

void Router::tick() {
  int64_t now_ms = loop_.now_ms();
  if (!waiting_.empty() && now_ms - waited_at_ms_ >= kRetryMs) retry_waiting();
  if (now_ms - checked_at_ms_ < kCheckMs) return;
  checked_at_ms_ = now_ms;
  for (auto& lane : lanes_of_one_) look_after(*lane);
  stats_.servers.drop_gone(now_ms);
  for (auto entry = lanes_.begin(); entry != lanes_.end();) {
    Lane& lane = *entry->second;
    lane.check_age();
    bool unused = lane.users == 0 && lane.is_idle() && now_ms - lane.idle_since_ms > limits_.idle_lane_ms;
    if (unused) lane.close();
    entry = unused ? lanes_.erase(entry) : std::next(entry);
  }
}

int Router::patience_ms() const { return waiting_.empty() ? kIdleTurnMs : static_cast<int>(kRetryMs); }

void Router::close() {
  for_each_lane([](Lane& lane) { lane.close(); });
}

std::shared_ptr<ServerStats> Router::stats_of(const Address& address) {
  return stats_.servers.of(to_string(address));
}

void Router::opened(Upstream& upstream) {
  routes_.node(upstream.target().node).failures = 0;
  if (upstream.lane->tracking() != nullptr) upstream.lane->opened(upstream);
}

void Router::replied(Upstream& upstream, Request* request) {
  if (upstream.exclusive && upstream.client == nullptr) {
    request->carrier = nullptr;
    if (keeps(*request)) {
      request->client->own(upstream, request->keeps_for);
    } else if (request->reply.text().starts_with("-UNBLOCKED force")) {
      upstream.close("it is no primary any more");  // as the server does itself behind this answer
    } else {
      upstream.lane->give_back(upstream);
    }
  }
  if (!upstream.parked().empty()) [[unlikely]]
    unpark(upstream);
  if (request->script_call != 0 && give_script(upstream, request)) [[unlikely]]
    return;
  if (request->has_error_reply() && send_again(upstream, request)) [[unlikely]]
    return;
  complete(request);
}

bool Router::give_script(Upstream& upstream, Request* request) {
  bool lacking = request->reply.text().starts_with("-NOSCRIPT");
  if (lacking || !request->has_error_reply())
    scripts_.note(request->script_call, upstream.target().node, !lacking);
  if (!lacking || request->script_search == ScriptSearch::kGiven || client_of(*request) == nullptr)
    return false;
  if (upstream.target().reads_only) return false;  // the owner is asked
  std::optional<std::string> script = scripts_.store().find(digest_in(*request));
  if (!script) return false;
  request->script_search = ScriptSearch::kGiven;
  request->drop_reply();
  Request* order = loop_.requests().take();
  order->lane = request->lane;
  order->bytes = load_command(*script, loop_.pool());
  upstream.send(order);
  upstream.send(request);
  return true;
}

bool Router::send_again(Upstream& upstream, Request* request) {
  if (client_of(*request) == nullptr || request->streaming || request->carrier != nullptr) return false;
  if (request->follow_up == FollowUp::kQueue) return false;
  if (upstream.target().reads_only) return ask_owner(upstream, request);
  bool early = request->early_error.size_bytes > 0;
  Slice error = early ? request->early_error : request->reply;
  bool for_now = is_passing(error.text());
  if (for_now || parse_redirection(error.text())) request->early_error = {};
  if (redirect(upstream, request, error.text())) return true;
  if (!for_now) return false;
  request->drop_reply();
  request->reply = error;
  request->ask = false;
  if (!error.text().starts_with("-TRYAGAIN")) look_again_();
  wait(request);
  return true;
}

bool Router::redirect(Upstream& upstream, Request* request, std::string_view error) {
  std::optional<Redirection> redirection = parse_redirection(error);
  if (!redirection || request->slot == Request::kNone) return false;
  if (redirection->to.host.empty()) redirection->to.host = upstream.target().address.host;
  ++request->redirections;
  stats_.redirections.add();
  upstream.stats().redirections.add();
  request->drop_reply();
  request->ask = redirection->ask;
  uint16_t to = routes_.place_of(redirection->to);
  if (!redirection->ask) {
    look_again_();
    routes_.learn(redirection->slot, to);
  }
  if (request->redirections > kMaxRedirections) {
    request->redirections = 0;
    wait(request,
         fmt::format("-CLUSTERDOWN keyway: the servers do not agree who serves slot {}", redirection->slot));
    return true;
  }
  if (!redirection->ask) {
    send(request);
    return true;
  }
  Upstream* asked = request->leased ? request->lane->lease(to) : request->lane->shared(to, request->channel);
  if (asked == nullptr) {
    request->ask = false;
    wait(request, fmt::format("-ERR keyway: the server {} cannot be reached", to_string(redirection->to)));
    return true;
  }
  if (request->leased) request->carrier = asked;
  pass(*asked, request);
  return true;
}

void Router::reply_grew(Upstream& upstream, Request& request) {
  Client* client = request.client;
  if (client == nullptr || request.gather != nullptr || request.skipped < request.skip) {
    if (client_of(request) == nullptr) request.drop_unread();
    return;
  }
  if (request.follow_up != FollowUp::kNone && request.follow_up != FollowUp::kScript) return;
  if (request.has_error_reply() || (!request.streaming && request.reply_bytes() < kStreamBytes)) return;
  client->stream(upstream, request);
}

// The rest of the reply is read here and dropped, so that others get theirs; and the same read is sent once
// more, on a connection that may wait for the client as long as it likes.
void Router::held_too_long(Upstream& upstream) {
  Request* request = upstream.line().front();
  bool again = request != nullptr && request->client != nullptr && request->slot != Request::kNone &&
               request->carrier == nullptr && request->follow_up == FollowUp::kNone &&
               upstream.held_for == request->client && request->client->may_read_again(*request);
  if (again) {
    Request* dropped = loop_.requests().take();
    dropped->lane = request->lane;
    dropped->skip = request->skip;
    dropped->skipped = request->skipped;
    dropped->ask = std::exchange(request->ask, false);
    dropped->sent_end = request->sent_end;
    dropped->readonly = dropped->streaming = true;
    upstream.line().replace_front(dropped);
    upstream.held_for = nullptr;
    request->client->read_again(*request);
    request->may_lag = false;
    request->leased = true;
  }
  upstream.go_on();
  if (again) send(request);
}

void Router::told(Upstream& upstream, Request& frame) {
  if (upstream.client != nullptr) return upstream.client->told(upstream, frame);
  const Lane::Tracking* tracking = upstream.lane->tracking();
  if (tracking != nullptr && tracking->listener != nullptr) invalidated(*tracking->listener, frame);
}

// What becomes of a request whose connection is gone.
void Router::settle(Upstream& upstream, Request* request, const std::string& why) {
  Client* client = client_of(*request);
  request->ask = false;
  if (request->carrier == &upstream) request->carrier = nullptr;
  if (client == nullptr) return complete(request);
  if (request->streaming) return client->close_later();  // it has had a part of the reply
  if (upstream.target().reads_only) {
    request->may_lag = false;
    return send(request);
  }
  if (upstream.denied()) return fail(request, "-" + why);
  std::string_view who = "-ERR keyway: the connection to the server";
  bool unknown = upstream.may_have_carried_out(*request) && !request->readonly;
  if (request->follow_up == FollowUp::kStage && !unknown) return fail(request, "-TRYAGAIN " + why);
  if (upstream.client != nullptr && !unknown) {
    return fail(request, fmt::format("{} {} is lost: {}", who, to_string(upstream.target().address), why));
  }
  if (unknown) {
    stats_.unknown_fates.add();
    return fail(request,
                fmt::format("{} {} was lost before it answered ({}); the command may have been carried "
                            "out, and is not sent again",
                            who, to_string(upstream.target().address), why));
  }
  wait(request, fmt::format("{} {} is lost: {}", who, to_string(upstream.target().address), why));
}

void Router::settle_unsent(Upstream& upstream, Request* request, const std::string& why) {
  if (request->carrier == &upstream) request->carrier = nullptr;
  request->ask = false;
  if (upstream.denied()) return fail(request, "-" + why);
  wait(request, fmt::format("-ERR keyway: the connection to the server {} is lost: {}",
                            to_string(upstream.target().address), why));
}

void Router::lost(Upstream& upstream, const std::string& why) {
  if (upstream.was_open() && !upstream.exclusive) scripts_.doubt_all();
  loop_.bury(upstream.lane->remove(upstream));
  const Lane::Tracking* tracking = upstream.lane->tracking();
  if (tracking != nullptr && tracking->listener != nullptr && upstream.was_open())
    forget_all(*tracking->listener);
  if (upstream.failed_to_open()) {
    Routes::Node& node = routes_.node(upstream.target().node);
    node.retry_at_ms =
        loop_.now_ms() + std::min<int64_t>(kRetryMs << std::min(node.failures, 8), kMaxBackOffMs);
    ++node.failures;
  }
  if (upstream.target().reads_only) {
    readers_.spare(upstream.target().node, loop_.now_ms());
    if (upstream.denied()) upstream.lane->refuse_readers();
  }
  if (Client* client = upstream.client; client != nullptr) client->own_lost(upstream);
  if (upstream.held_for != nullptr) upstream.held_for->server_gone();
  bool busy = !upstream.line().empty() && !upstream.unneeded();
  if (upstream.was_open() && busy) {
    stats_.lost_servers.add();
    upstream.stats().lost.add();
  }
  if (busy) tell_lost(upstream, why);
  while (!upstream.line().empty()) settle(upstream, upstream.line().pop(), why);
  while (!upstream.parked().empty()) {
    Request* request = upstream.parked().pop();
    if (wakes(request)) settle_unsent(upstream, request, why);
  }
  if (busy) look_again_();
}

}  // namespace keyway::proxy
