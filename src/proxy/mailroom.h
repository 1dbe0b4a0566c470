// What the workers of a proxy know of each other, and where they leave work for each other: a box for each,
// which its owner empties in its next turn. Whoever leaves something does it for one client's command, and no
// client has two of those at a time: so a box never holds more than the clients there are. Any thread;
// outlives the workers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

namespace keyway::proxy {

struct Services;

class Mailroom {
 public:
  // What the owner of a box is to do, with its own services.
  using Errand = std::function<void(Services&)>;

  // Gives the box's number. `wake_fd`, an eventfd, is written to when something is left in it. Before the
  // threads begin.
  size_t add_box(int wake_fd);
  size_t boxes() const { return boxes_.size(); }

  // Numbers for the clients of a box's owner, which no other owner gives: its first, its second …
  uint64_t client_id(size_t box, uint64_t count) const { return count * boxes_.size() + box + 1; }
  // Whose client it is.
  size_t box_of(uint64_t client_id) const { return (client_id - 1) % boxes_.size(); }

  // Clients that CLIENT PAUSE holds back, of all workers.
  int64_t held_clients() const { return held_clients_.load(std::memory_order_relaxed); }
  void count_held(int64_t change) { held_clients_.fetch_add(change, std::memory_order_relaxed); }

  void leave(size_t box, Errand errand);
  std::vector<Errand> empty(size_t box);

 private:
  struct Box {
    int wake_fd = -1;
    std::vector<Errand> errands;
  };

  std::atomic<int64_t> held_clients_ = 0;
  std::mutex mutex_;
  std::deque<Box> boxes_;
};

}  // namespace keyway::proxy
