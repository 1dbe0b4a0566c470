#include "proxy/translating_worker.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "proxy/socket.h"

namespace keyway::proxy {

namespace {

constexpr int kAcceptsATurn = 64;
constexpr int kIdleTurnMs = 500;
constexpr int64_t kCheckMs = 500;
constexpr int kMaxTries = 1000;  // ports in a row that others have
constexpr size_t kMaxReserved = 4096;
constexpr int kMaxPort = 65535;

// Primaries first, so that they have the lowest ports; then by address.
std::vector<const TopologyNode*> in_order(const Topology& topology) {
  std::vector<const TopologyNode*> nodes;
  for (const TopologyNode& node : topology.nodes) nodes.push_back(&node);
  std::ranges::sort(nodes, {},
                    [](const TopologyNode* node) { return std::make_pair(!node->primary, node->address); });
  return nodes;
}

}  // namespace

TranslatingWorker::TranslatingWorker(Board& board, const Limits& limits, const Address& listen, bool any_port,
                                     int first_listener)
    : board_(board),
      limits_(limits),
      listen_(listen),
      any_port_(any_port),
      first_listener_(first_listener),
      next_port_(listen.port),
      wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      waking_(*this) {
  board.add_reader(wake_fd_);
}

TranslatingWorker::~TranslatingWorker() {
  join();
  while (!passages_.empty()) passages_.begin()->second->close();
  loop_.finish_turn();
  close_doors();
  if (first_listener_ >= 0) ::close(first_listener_);
  ::close(wake_fd_);
}

void TranslatingWorker::start() {
  thread_ = std::thread([this] { run(); });
}

void TranslatingWorker::join() {
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const NodeMap> TranslatingWorker::node_map() const {
  std::lock_guard lock(map_mutex_);
  return map_;
}

void TranslatingWorker::run() {
  if (Status waking = loop_.poller().add(wake_fd_, waking_, {true, false, false}); !waking) {
    log_error("the proxy cannot be woken", {{"why", waking.error().message}});
    return;
  }
  loop_.turn(0);
  take_news();
  while (!draining_ || (!passages_.empty() && loop_.now_ms() < drained_by_ms_)) {
    loop_.turn(kIdleTurnMs);
    check_ages();
    loop_.finish_turn();
    closed_doors_.clear();
  }
}

void TranslatingWorker::take_news() {
  uint64_t count = 0;
  [[maybe_unused]] ssize_t got = read(wake_fd_, &count, sizeof count);
  Board::News news = board_.news();
  detours_ = news.options->detours;
  if (news.draining && !draining_) return begin_drain();
  if (draining_ || news.topology == nullptr || news.topology.get() == topology_) return;
  topology_ = news.topology.get();
  take_topology(*news.topology);
}

void TranslatingWorker::take_topology(const Topology& topology) {
  close_other_doors(topology);
  for (const TopologyNode* node : in_order(topology)) {
    auto found = doors_.find(node->id);
    if (found == doors_.end()) {
      open_door(*node);
    } else {
      found->second->real = node->address;
    }
  }
  publish(topology);
}

// The port of a node that is forgotten stays its own: no client that remembers it shall meet another node
// there.
void TranslatingWorker::close_other_doors(const Topology& topology) {
  std::set<std::string_view> known;
  for (const TopologyNode& node : topology.nodes) known.insert(node.id);
  for (auto entry = doors_.begin(); entry != doors_.end();) {
    if (known.contains(entry->first)) {
      ++entry;
      continue;
    }
    Door& door = *entry->second;
    shut(door);
    if (reserved_.size() < kMaxReserved) reserved_[entry->first] = door.port;
    closed_doors_.push_back(std::move(entry->second));
    entry = doors_.erase(entry);
  }
}

void TranslatingWorker::shut(Door& door) {
  loop_.poller().remove(door.fd);
  ::close(door.fd);
  door.fd = -1;
}

// The next port that nobody has; -1: there is none.
int TranslatingWorker::free_listener(uint16_t& port) {
  if (first_listener_ >= 0) {
    port = listen_.port;
    ++next_port_;
    return std::exchange(first_listener_, -1);
  }
  for (int i = 0; i < kMaxTries && (any_port_ || next_port_ <= kMaxPort); ++i) {
    auto tried = static_cast<uint16_t>(any_port_ ? 0 : next_port_);
    ++next_port_;
    Result<int> listener = listen_at({listen_.host, tried});
    if (!listener) continue;
    port = local_of(*listener).port;
    return *listener;
  }
  return -1;
}

void TranslatingWorker::open_door(const TopologyNode& node) {
  auto door = std::make_unique<Door>(*this, node.address);
  if (auto reserved = reserved_.find(node.id); reserved != reserved_.end()) {
    if (Result<int> listener = listen_at({listen_.host, reserved->second})) {
      door->fd = *listener;
      door->port = reserved->second;
    }
    reserved_.erase(reserved);
  }
  if (door->fd < 0) door->fd = free_listener(door->port);
  Status listening = door->fd >= 0 ? loop_.poller().add(door->fd, *door, {true, false, false})
                                   : fail(ErrorCode::kExhausted, "no port is free");
  if (!listening) {
    log_error("a node cannot be given a local address",
              {{"node", to_string(node.address)}, {"why", listening.error().message}});
    if (door->fd >= 0) ::close(door->fd);
    return;
  }
  doors_.emplace(node.id, std::move(door));
}

void TranslatingWorker::publish(const Topology& topology) {
  std::vector<MappedNode> mapped;
  for (const TopologyNode* node : in_order(topology)) {
    auto door = doors_.find(node->id);
    if (door == doors_.end()) continue;
    mapped.push_back({node->id, node->address, node->hostname, door->second->port, node->primary});
  }
  auto map = std::make_shared<const NodeMap>(std::move(mapped));
  std::lock_guard lock(map_mutex_);
  map_ = std::move(map);
}

void TranslatingWorker::accept_clients(Door& door) {
  for (int i = 0; i < kAcceptsATurn && !draining_; ++i) {
    int fd = accept4(door.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (passages_.size() >= limits_.max_clients) {
      stats_.clients_refused.add();
      ::close(fd);
      continue;
    }
    prepare_client(fd);
    Passages& keeper = *this;
    auto passage = std::make_unique<Passage>(loop_, limits_, stats_, keeper, fd, door.real);
    if (Status opened = passage->open(detours_); !opened) {
      log_warning("a client cannot be served", {{"why", opened.error().message}});
      board_.ask_to_look();
      continue;
    }
    Passage* accepted = passage.get();
    passages_.emplace(accepted, std::move(passage));
    stats_.clients_accepted.add();
    stats_.clients.set(passages_.size());
  }
}

void TranslatingWorker::check_ages() {
  if (loop_.now_ms() - checked_at_ms_ < kCheckMs) return;
  checked_at_ms_ = loop_.now_ms();
  for (auto entry = passages_.begin(); entry != passages_.end();) {
    Passage& passage = *entry->second;
    ++entry;  // it may close itself
    passage.check_age();
  }
}

void TranslatingWorker::close_doors() {
  for (auto& [id, door] : doors_) ::close(door->fd);
  doors_.clear();
}

void TranslatingWorker::begin_drain() {
  draining_ = true;
  drained_by_ms_ = loop_.now_ms() + limits_.drain_ms;
  for (auto& [id, door] : doors_) {
    shut(*door);
    closed_doors_.push_back(std::move(door));
  }
  doors_.clear();
  for (auto entry = passages_.begin(); entry != passages_.end();) {
    Passage& passage = *entry->second;
    ++entry;  // it may close itself
    passage.close_when_answered();
  }
}

void TranslatingWorker::closed(Passage& passage) {
  auto found = passages_.find(&passage);
  loop_.bury(std::move(found->second));
  passages_.erase(found);
  stats_.clients.set(passages_.size());
}

}  // namespace keyway::proxy
