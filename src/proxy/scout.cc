#include "proxy/scout.h"

#include <algorithm>

#include "engine/observe.h"
#include "proxy/events.h"
#include "proxy/looking_servers.h"
#include "proxy/role_view.h"
#include "proxy/topology_change.h"

namespace keyway::proxy {

namespace {

constexpr size_t kAskedNodes = 5;         // in one look
constexpr int64_t kPollMs = 5000;         // without anybody asking
constexpr int64_t kRolePollMs = 1000;     // of servers without cluster mode
constexpr int64_t kMinPauseMs = 50;       // between two looks
constexpr int64_t kLookTimeoutMs = 1000;  // of one look

bool without_cluster_mode(const resp::Reply& reply) {
  return reply.is_error() && reply.text.find("cluster support disabled") != std::string::npos;
}

std::string shown(const Address& address) { return address.empty() ? "nobody" : to_string(address); }

// `before` is null the first time.
void tell_changes(const Topology* before, const Topology& now) {
  if (before == nullptr) {
    auto primaries = std::ranges::count_if(now.nodes, [](const TopologyNode& node) { return node.primary; });
    return tell(LogLevel::kInfo, Event::kTopology, "the cluster is known",
                {{"nodes", std::to_string(now.nodes.size())}, {"primaries", std::to_string(primaries)}});
  }
  for (const OwnerChange& change : owner_changes(*before, now)) {
    LogFields fields = {
        {"slots", cluster::to_string(change.slots)}, {"old", shown(change.from)}, {"new", shown(change.to)}};
    tell(change.failover ? LogLevel::kWarning : LogLevel::kInfo, Event::kTopology,
         change.failover ? "a shard has another primary" : "slots have another owner", fields);
  }
}

}  // namespace

Scout::Scout(Board& board, std::function<void()> before_look)
    : board_(board), before_look_(std::move(before_look)) {}

Scout::~Scout() {
  board_.end_scout();
  if (thread_.joinable()) thread_.join();
}

void Scout::start() {
  thread_ = std::thread([this] { run(); });
}

void Scout::run() {
  LookingServers servers(board_);
  auto look_again = [&] {
    std::shared_ptr<const ProxyOptions> options = board_.news().options;
    if (options != options_) found_ = false;  // so that the seeds are asked
    options_ = std::move(options);
    before_look_();
    found_ = look(servers.get());
  };
  look_again();
  while (board_.wait_to_look(pause_ms())) {
    look_again();
    if (!board_.pause_scout(kMinPauseMs)) return;
  }
}

// No redirection tells that a server without cluster mode has become a replica: it is looked at more often.
int64_t Scout::pause_ms() const {
  if (!found_) return kMinPauseMs;
  return sharded_ ? kPollMs : kRolePollMs;
}

// Other nodes each time, so that one which is cut off from the rest does not count for long. When none of
// them answered: all of them and the seeds.
std::vector<Address> Scout::choose() const {
  std::vector<Address> chosen;
  if (!found_) {
    chosen = known_;
    chosen.insert(chosen.end(), options_->seeds.begin(), options_->seeds.end());
    return chosen;
  }
  for (size_t i = 0; i < std::min(kAskedNodes, known_.size()); ++i)
    chosen.push_back(known_[(looks_ * kAskedNodes + i) % known_.size()]);
  return chosen;
}

bool Scout::look(engine::Servers& servers) {
  std::vector<Address> asked = choose();
  ++looks_;
  std::vector<engine::Request> requests;
  for (const Address& address : asked) requests.push_back({address, {{"CLUSTER", "NODES"}, {"ROLE"}}});
  std::vector<engine::Response> responses = servers.exchange(requests, kLookTimeoutMs);
  std::vector<NodesView> views;
  std::vector<RoleView> roles;
  for (size_t i = 0; i < asked.size(); ++i) {
    if (!responses[i].ok() || responses[i].replies.size() != 2) continue;
    const resp::Reply& nodes = responses[i].replies[0];
    resp::Reply& role = responses[i].replies[1];
    auto peers = nodes.is_error() ? fail(ErrorCode::kUnsupported, nodes.text)
                                  : engine::parse_cluster_nodes(nodes.text, nullptr);
    if (peers) {
      views.push_back({asked[i], std::move(*peers)});
    } else if (without_cluster_mode(nodes) && !role.is_error()) {
      roles.push_back({asked[i], std::move(role)});
    }
  }
  if (views.empty() && roles.empty()) {
    tell(LogLevel::kWarning, Event::kTopology, "no node of the cluster answers",
         {{"asked", std::to_string(asked.size())}});
    return false;
  }
  sharded_ = !views.empty();
  if (!commands_known_) learn_commands(servers, sharded_ ? views.front().asked : roles.front().asked);
  auto topology = std::make_shared<Topology>(sharded_ ? join_views(views) : join_roles(roles));
  known_.clear();
  for (bool primaries : {true, false}) {
    for (const TopologyNode& node : topology->nodes) {
      if (node.primary == primaries && !node.failed) known_.push_back(node.address);
    }
  }
  tell_changes(board_.news().topology.get(), *topology);
  board_.set_topology(std::move(topology));
  return true;
}

void Scout::learn_commands(engine::Servers& servers, const Address& address) {
  Result<resp::Reply> reply = servers.call(address, {"COMMAND"}, kLookTimeoutMs);
  if (!reply) return;
  Result<resp::CommandTable> table = resp::CommandTable::learn(*reply);
  if (!table) {
    tell(LogLevel::kWarning, Event::kTrouble, "the server's list of commands cannot be used",
         {{"why", table.error().message}});
    return;
  }
  commands_known_ = true;
  board_.set_commands(std::make_shared<resp::CommandTable>(std::move(*table)));
}

}  // namespace keyway::proxy
