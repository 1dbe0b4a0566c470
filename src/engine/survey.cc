// The crawl: ask the seed, then whomever it knows, then whomever those know, until nobody new is named. A
// node is a member if the seed or another member has its id in its table; whoever else answers at an address
// that a member names belongs to no cluster or to another one, and stays out.
#include "engine/survey.h"

#include <algorithm>
#include <set>

#include "base/format.h"
#include "cluster/ownership.h"
#include "engine/observe.h"

namespace keyway::engine {

namespace {

using cluster::NodeFacts;
using cluster::Observed;
using cluster::PeerView;
using cluster::Reach;

// Gossip is a full mesh, so the second round finds everybody and the third finds nobody new; more are for
// tables that are in disorder.
constexpr int kMaxRounds = 8;
constexpr size_t kMaxQuestions = 20'000;  // over all rounds

class Crawl {
 public:
  Crawl(Servers& servers, const SurveyOptions& options) : servers_(servers), options_(options) {}

  Status start(const Address& seed);
  void follow();
  Observed result() &&;

 private:
  // A member by id: what it was found to be, or where others place it as long as it did not answer.
  struct Member {
    NodeFacts facts;
    std::vector<Address> claimed;  // announced addresses, the most trusted view first
    bool answered = false;         // facts are its own
  };

  Address reachable(const Address& announced) const {
    auto mapped = options_.reach.find(announced);
    return mapped == options_.reach.end() ? announced : mapped->second;
  }
  void learn(const NodeFacts& viewer);
  std::vector<Address> next_questions();
  void ask(const std::vector<Address>& addresses);
  void settle();
  void place(Member& member) const;

  Servers& servers_;
  const SurveyOptions& options_;
  std::map<std::string, Member> members_;
  std::map<Address, NodeFacts> asked_;  // where we reach it; what came of it
};

NodeFacts blank(const Address& address) {
  NodeFacts node;
  node.name = to_string(address);
  node.address = address;
  node.process = cluster::Process::kRunning;
  return node;
}

Error seed_error(const Response& response, const NodeFacts& node) {
  if (response.error) return *response.error;
  bool standalone = node.note.find("cluster support disabled") != std::string::npos;
  if (standalone) {
    return {ErrorCode::kConflict, fmt::format("{} is not in cluster mode (cluster-enabled no); give the "
                                              "address of a node of a cluster",
                                              node.name)};
  }
  if (node.reach == Reach::kLoading) {
    return {ErrorCode::kUnavailable,
            fmt::format("{} is busy or still loading its data; try again later or give another node{}{}",
                        node.name, node.note.empty() ? "" : ": ", node.note)};
  }
  ErrorCode code = node.reach == Reach::kDenied ? ErrorCode::kDenied : ErrorCode::kCorrupt;
  return {code, fmt::format("{} does not tell of its cluster: {}", node.name, node.note)};
}

Status Crawl::start(const Address& seed) {
  Request request{seed, questions(cluster::Mode::kSharded)};
  Response response = std::move(servers_.exchange({request}, options_.timeout_ms).front());
  NodeFacts node = blank(seed);
  take_answers(cluster::Mode::kSharded, response, node);
  if (node.reach != Reach::kAnswering) return fail(seed_error(response, node));
  node.id = node.server.id;
  members_[node.id].facts = node;
  members_[node.id].answered = true;
  asked_[seed] = std::move(node);
  return {};
}

// Rounds of questions to the addresses of members that have not answered yet.
void Crawl::follow() {
  for (int round = 0; round < kMaxRounds; ++round) {
    settle();
    std::vector<Address> addresses = next_questions();
    if (addresses.empty()) return;
    ask(addresses);
  }
  settle();
}

// Makes members of all that members name, and gives them what answered under their id. A member that answered
// may name more, whose answers are in already.
void Crawl::settle() {
  std::set<std::string> heard;  // members whose tables were read
  for (bool news = true; news;) {
    news = false;
    std::vector<const NodeFacts*> viewers;
    for (auto& [id, member] : members_) {
      if (member.answered && heard.insert(id).second) viewers.push_back(&member.facts);
    }
    for (const NodeFacts* viewer : viewers) {
      learn(*viewer);
      news = true;
    }
    for (const auto& [address, facts] : asked_) {
      if (facts.reach != Reach::kAnswering) continue;
      auto member = members_.find(facts.server.id);
      if (member == members_.end() || member->second.answered) continue;
      member->second.facts = facts;
      member->second.facts.id = facts.server.id;
      member->second.answered = true;
    }
  }
}

// Notes whom `viewer` knows and where.
void Crawl::learn(const NodeFacts& viewer) {
  for (const PeerView& peer : viewer.server.peers) {
    if (peer.myself || peer.handshake || peer.id.empty()) continue;
    Member& member = members_[peer.id];
    if (peer.noaddr || peer.address.empty() || peer.address.host.empty()) continue;
    auto known = std::find(member.claimed.begin(), member.claimed.end(), peer.address);
    if (known == member.claimed.end()) {
      // A live link proves the address.
      member.claimed.insert(peer.linked ? member.claimed.begin() : member.claimed.end(), peer.address);
    } else if (peer.linked) {
      std::rotate(member.claimed.begin(), known, known + 1);
    }
  }
}

std::vector<Address> Crawl::next_questions() {
  std::set<Address> addresses;
  for (const auto& [id, member] : members_) {
    if (member.answered) continue;
    for (const Address& announced : member.claimed) {
      Address address = reachable(announced);
      if (!asked_.contains(address)) addresses.insert(address);
    }
  }
  size_t left = kMaxQuestions - std::min(kMaxQuestions, asked_.size());
  std::vector<Address> next(addresses.begin(), addresses.end());
  next.resize(std::min(next.size(), left));
  return next;
}

void Crawl::ask(const std::vector<Address>& addresses) {
  std::vector<Request> requests;
  for (const Address& address : addresses) requests.push_back({address, questions(cluster::Mode::kSharded)});
  std::vector<Response> responses = servers_.exchange(requests, options_.timeout_ms);
  for (size_t i = 0; i < addresses.size(); ++i) {
    NodeFacts node = blank(addresses[i]);
    take_answers(cluster::Mode::kSharded, responses[i], node);
    asked_[addresses[i]] = std::move(node);
  }
}

// Where a member that did not answer is thought to be, and what came of asking there.
void Crawl::place(Member& member) const {
  if (member.claimed.empty()) {
    member.facts.note = "no node knows its address";
    return;
  }
  const NodeFacts* best = nullptr;
  for (const Address& announced : member.claimed) {
    auto asked = asked_.find(reachable(announced));
    if (asked == asked_.end()) continue;
    // A refusal or a server that loads tells more than silence.
    bool better = best == nullptr || (best->reach == Reach::kSilent && asked->second.reach > Reach::kSilent &&
                                      asked->second.reach < Reach::kAnswering);
    if (better) best = &asked->second;
  }
  if (best == nullptr) {
    member.facts = blank(reachable(member.claimed.front()));
    member.facts.note = "was not asked: too many nodes";
  } else if (best->reach == Reach::kAnswering) {
    member.facts = blank(best->address);
    member.facts.note = fmt::format("another node answers at its address: {}", best->server.id);
  } else {
    member.facts = *best;
    if (member.facts.note.empty()) member.facts.note = "is still loading its data";
  }
}

Observed Crawl::result() && {
  Observed observed;
  for (auto& [id, member] : members_) {
    if (!member.answered) place(member);
    member.facts.id = id;
    member.facts.process = cluster::Process::kRunning;
    if (member.facts.address.empty()) member.facts.name = id;
    observed.nodes.push_back(std::move(member.facts));
  }
  std::sort(observed.nodes.begin(), observed.nodes.end(), [](const NodeFacts& a, const NodeFacts& b) {
    return std::tie(a.address, a.id) < std::tie(b.address, b.id);
  });
  return observed;
}

bool is_whole(const Address& address) { return !address.empty() && !address.host.empty(); }

}  // namespace

Result<Observed> survey(Servers& servers, const Address& seed, const SurveyOptions& options) {
  Crawl crawl(servers, options);
  if (Status started = crawl.start(seed); !started) return fail(started.error());
  crawl.follow();
  return std::move(crawl).result();
}

Address announced_address(const Observed& observed, const NodeFacts& node) {
  const PeerView* own = cluster::own_view(node);
  if (own != nullptr && is_whole(own->address)) return own->address;
  const std::string& id = cluster::effective_id(node);
  Address known;
  for (const NodeFacts& viewer : observed.nodes) {
    if (!viewer.answering()) continue;
    for (const PeerView& peer : viewer.server.peers) {
      if (peer.myself || peer.id != id || peer.noaddr || !is_whole(peer.address)) continue;
      if (peer.linked) return peer.address;
      if (known.empty()) known = peer.address;
    }
  }
  return known.empty() ? node.address : known;
}

}  // namespace keyway::engine
