#include "proxy/board.h"

#include <unistd.h>

#include <chrono>

namespace keyway::proxy {

Board::News Board::news() const {
  std::lock_guard lock(mutex_);
  return news_;
}

void Board::set_topology(std::shared_ptr<const Topology> topology) {
  {
    std::lock_guard lock(mutex_);
    news_.topology = std::move(topology);
  }
  tell();
}

void Board::set_commands(std::shared_ptr<const resp::CommandTable> commands) {
  {
    std::lock_guard lock(mutex_);
    news_.commands = std::move(commands);
  }
  tell();
}

void Board::set_reads(std::shared_ptr<const ReadPlan> reads) {
  {
    std::lock_guard lock(mutex_);
    news_.reads = std::move(reads);
  }
  tell();
}

void Board::set_tls(std::shared_ptr<const engine::TlsContext> of_clients,
                    std::shared_ptr<const engine::TlsContext> of_servers) {
  {
    std::lock_guard lock(mutex_);
    news_.client_tls = std::move(of_clients);
    news_.server_tls = std::move(of_servers);
  }
  tell();
}

void Board::set_options(std::shared_ptr<const ProxyOptions> options) {
  {
    std::lock_guard lock(mutex_);
    news_.options = std::move(options);
  }
  tell();
  ask_to_look();
}

bool Board::admit_client(size_t max_clients) {
  if (clients_.fetch_add(1, std::memory_order_relaxed) < max_clients) return true;
  client_left();
  return false;
}

void Board::drain() {
  {
    std::lock_guard lock(mutex_);
    news_.draining = true;
  }
  tell();
}

void Board::tell() {
  for (int fd : readers_) {
    uint64_t one = 1;
    // It can only fail if the reader has not yet seen very many earlier ones.
    [[maybe_unused]] ssize_t written = write(fd, &one, sizeof one);
  }
}

void Board::ask_to_look() {
  if (look_.exchange(true)) return;
  // Within the lock, so that the scout cannot miss it between its check and its wait.
  std::lock_guard lock(mutex_);
  changed_.notify_all();
}

bool Board::wait_to_look(int64_t timeout_ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return look_ || scout_ends_; });
  look_ = false;
  return !scout_ends_;
}

bool Board::pause_scout(int64_t time_ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(time_ms), [this] { return scout_ends_; });
  return !scout_ends_;
}

void Board::end_scout() {
  std::lock_guard lock(mutex_);
  scout_ends_ = true;
  changed_.notify_all();
}

}  // namespace keyway::proxy
