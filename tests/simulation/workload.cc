#include "workload.h"

#include "server.h"

namespace keyway::simulation {
namespace {

constexpr int kMaxHops = 6;

}  // namespace

void Workload::start(int64_t every_us) {
  running_ = true;
  guesses_.assign(world_.key_names.size(), -1);
  world_.scheduler.after(every_us, [this, every_us] { turn(every_us); });
}

void Workload::turn(int64_t every_us) {
  if (!running_) return;
  int key = world_.random.below(static_cast<int>(world_.key_names.size()));
  if (world_.random.chance(75)) {
    write(key);
  } else if (std::optional<int64_t> value = read(key); value && !world_.settings.unplanned) {
    if (*value < world_.ledger.promised(key)) {
      world_.ledger.violation(fmt::format("a client read {} = {} of {} promised",
                                          world_.key_names[static_cast<size_t>(key)], *value,
                                          world_.ledger.promised(key)));
    }
  }
  world_.scheduler.after(every_us, [this, every_us] { turn(every_us); });
}

int Workload::random_server() {
  int count = world_.place_count();
  int first = world_.random.below(count);
  for (int i = 0; i < count; ++i) {
    int place = (first + i) % count;
    if (world_.server(place) != nullptr) return place;
  }
  return -1;
}

int Workload::first_guess(int key) {
  if (world_.settings.sharded) {
    int guess = guesses_[static_cast<size_t>(key)];
    return guess >= 0 && world_.server(guess) != nullptr ? guess : random_server();
  }
  // Replicated: clients are led to the primary on record.
  const ModelPlatform::Node* primary =
      platform_.find(platform_.record(platform_.spec().partitions.front().name).primary);
  return primary == nullptr ? random_server() : primary->place;
}

template <typename Attempt>
bool Workload::follow(int key, Attempt attempt) {
  int place = first_guess(key);
  bool asking = false;
  for (int hop = 0; hop < kMaxHops; ++hop) {
    Server* server = place < 0 ? nullptr : world_.server(place);
    if (server == nullptr || server->paused) {
      place = random_server();
      asking = false;
      continue;
    }
    Server::Answer answer = attempt(*server, asking);
    asking = answer.access == Server::Access::kAsk;
    switch (answer.access) {
      case Server::Access::kOk:
        guesses_[static_cast<size_t>(key)] = place;
        return true;
      case Server::Access::kMoved:
      case Server::Access::kAsk:
        place = answer.place;
        break;
      default:
        place = random_server();
        break;
    }
  }
  guesses_[static_cast<size_t>(key)] = -1;
  return false;
}

void Workload::write(int key) {
  int64_t value = world_.ledger.next_value(key);
  ++writes_;
  bool answer_lost = world_.random.chance(4);
  bool done = follow(key, [&](Server& server, bool asking) {
    Server::Answer answer = server.write(key, value, asking);
    if (answer.access == Server::Access::kOk && !answer_lost) world_.ledger.acknowledge(key, value, server);
    return answer;
  });
  if (!done) ++refused_;
}

std::optional<int64_t> Workload::read(int key) {
  int64_t value = 0;
  bool done = follow(key, [&](Server& server, bool asking) {
    if (server.bus == nullptr && server.replication.is_replica) return Server::Answer{};
    Server::Answer answer = server.read(key, asking);
    value = answer.value;
    return answer;
  });
  if (!done) return std::nullopt;
  return value;
}

}  // namespace keyway::simulation
