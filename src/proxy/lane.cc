#include "proxy/lane.h"

#include <algorithm>

namespace keyway::proxy {

namespace {

constexpr size_t kMaxIdle = 64;  // leased connections that wait for the next request
constexpr int64_t kNoReadersMs = 60'000;

}  // namespace

Lane::Lane(Loop& loop, const Limits& limits, UpstreamOwner& owner, Routes& routes, Account account,
           bool resp3)
    : loop_(loop),
      limits_(limits),
      owner_(owner),
      routes_(routes),
      account_(std::move(account)),
      resp3_(resp3) {}

std::unique_ptr<Upstream> Lane::make(uint16_t node, bool reads_only) {
  if (routes_.node(node).retry_at_ms > loop_.now_ms()) return nullptr;
  Upstream::Target target{node, routes_.node(node).address, account_, resp3_, reads_only, routes_.tls};
  target.detours = routes_.detours;
  target.must_be_primary = !reads_only && routes_.sole_primary(node);
  auto upstream = std::make_unique<Upstream>(loop_, limits_, owner_, std::move(target));
  upstream->lane = this;
  return upstream;
}

Upstream* Lane::open_in(std::vector<std::unique_ptr<Upstream>>& list, size_t place, uint16_t node,
                        bool reads_only) {
  std::unique_ptr<Upstream> made = make(node, reads_only);
  if (made == nullptr) return nullptr;
  if (list.size() <= place) list.resize(place + 1);
  Upstream& upstream = *made;
  list[place] = std::move(made);
  open(upstream, true);
  return list[place].get();  // null if it failed at once
}

// False: it is not to be used. Of writes everywhere one connection to a server is enough to tell.
bool Lane::open(Upstream& upstream, bool first) {
  if (tracking_ == nullptr || (tracking_->everywhere && !first)) {
    upstream.open();
  } else if (!tracking_->redirected) {
    upstream.greet_with(tracking_->commands);
    upstream.open();
  } else {
    Upstream::Target target = upstream.target();
    target.resp3 = true;
    target.reads_only = target.must_be_primary = false;  // it reads and writes nothing
    auto ear = std::make_unique<Upstream>(loop_, limits_, owner_, std::move(target));
    ear->lane = this;
    ear->exclusive = ear->wants_id = true;
    ear->listen_only();
    ears_.push_back({std::move(ear), &upstream});
    ears_.back().upstream->open();
  }
  return upstream.state() != Upstream::State::kClosed;
}

void Lane::opened(Upstream& upstream) {
  for (Ear& ear : ears_) {
    if (ear.upstream.get() != &upstream || ear.reader == nullptr) continue;
    std::vector<resp::Command> commands = tracking_->commands;
    for (resp::Command& command : commands)
      command.insert(command.end(), {"REDIRECT", std::to_string(upstream.server_id())});
    ear.reader->greet_with(std::move(commands));
    return ear.reader->open();
  }
}

Upstream* Lane::open_shared(uint16_t node, size_t place) { return open_in(shared_, place, node, false); }

Upstream* Lane::open_reader(uint16_t node) {
  return loop_.now_ms() < no_readers_until_ms_ ? nullptr : open_in(readers_, node, node, true);
}

void Lane::refuse_readers() { no_readers_until_ms_ = loop_.now_ms() + kNoReadersMs; }

Upstream* Lane::lease(uint16_t node) {
  auto found = std::ranges::find_if(idle_, [&](Upstream* idle) { return idle->target().node == node; });
  if (found != idle_.end()) {
    Upstream* upstream = *found;
    idle_.erase(found);
    return upstream;
  }
  std::unique_ptr<Upstream> made = make(node);
  if (made == nullptr) return nullptr;
  made->exclusive = true;
  Upstream* upstream = made.get();
  leased_.push_back(std::move(made));
  return open(*upstream, false) ? upstream : nullptr;
}

void Lane::give_back(Upstream& upstream) {
  upstream.client = nullptr;
  if (idle_.size() >= kMaxIdle) return upstream.close_unneeded("not needed any more");
  idle_.push_back(&upstream);
}

std::unique_ptr<Peer> Lane::remove(Upstream& upstream) {
  std::erase(idle_, &upstream);
  if (!ears_.empty()) {
    auto ear = std::ranges::find(ears_, &upstream, [](const Ear& each) { return each.upstream.get(); });
    if (ear != ears_.end()) {
      Ear gone = std::move(*ear);
      ears_.erase(ear);
      if (gone.reader != nullptr) gone.reader->close("what it reads cannot be tracked any more");
      return std::move(gone.upstream);
    }
    auto own = std::ranges::find(ears_, &upstream, &Ear::reader);
    if (own != ears_.end()) {
      own->reader = nullptr;
      own->upstream->close("nothing is read any more that it could tell of");
    }
  }
  for (std::vector<std::unique_ptr<Upstream>>* list : {&shared_, &readers_, &leased_}) {
    for (std::unique_ptr<Upstream>& entry : *list) {
      if (entry.get() != &upstream) continue;
      std::unique_ptr<Peer> taken = std::move(entry);
      if (list == &leased_) std::erase(leased_, nullptr);
      return taken;
    }
  }
  return nullptr;
}

// What is done to one may close it, which takes it out of the lists.
void Lane::for_each(const std::function<void(Upstream&)>& act) {
  std::vector<Upstream*> all;
  for (const auto* list : {&shared_, &readers_}) {
    for (const auto& upstream : *list) {
      if (upstream != nullptr) all.push_back(upstream.get());
    }
  }
  for (const auto& upstream : leased_) all.push_back(upstream.get());
  for (const Ear& ear : ears_) all.push_back(ear.upstream.get());
  for (Upstream* upstream : all) act(*upstream);
}

void Lane::speak(bool resp3) {
  if (resp3 == resp3_) return;
  resp3_ = resp3;
  for_each([&](Upstream& upstream) {
    bool tells =
        std::ranges::find(ears_, &upstream, [](const Ear& ear) { return ear.upstream.get(); }) != ears_.end();
    if (tells) return;  // that is always RESP3
    if (upstream.exclusive && upstream.client == nullptr)
      return upstream.close_unneeded("it speaks another protocol");
    Request* order = loop_.requests().take();
    order->lane = this;
    std::string text;
    resp::append(text, {"HELLO", resp3 ? "3" : "2"});
    order->bytes = copy_of(text, loop_.pool());
    upstream.send(order);
  });
}

void Lane::check_age() {
  for_each([](Upstream& upstream) { upstream.check_age(); });
}

bool Lane::is_idle() const {
  auto is_busy = [](const auto& entry) { return entry != nullptr && !entry->idle(); };
  bool busy = std::ranges::any_of(shared_, is_busy) || std::ranges::any_of(readers_, is_busy);
  return !busy && leased_.size() == idle_.size();
}

void Lane::close_node(uint16_t node, const std::string& why) {
  for_each([&](Upstream& upstream) {
    if (upstream.target().node == node) upstream.close(why);
  });
}

void Lane::close_reader(uint16_t node, const std::string& why) {
  if (node < readers_.size() && readers_[node] != nullptr) readers_[node]->close(why);
}

void Lane::close() {
  for_each([](Upstream& upstream) { upstream.close_unneeded("not needed any more"); });
}

}  // namespace keyway::proxy
