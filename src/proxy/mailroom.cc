#include "proxy/mailroom.h"

#include <sys/eventfd.h>

#include <utility>

namespace keyway::proxy {

size_t Mailroom::add_box(int wake_fd) {
  boxes_.push_back({wake_fd, {}});
  return boxes_.size() - 1;
}

void Mailroom::leave(size_t box, Errand errand) {
  std::lock_guard lock(mutex_);
  boxes_[box].errands.push_back(std::move(errand));
  // It can only fail if very many earlier ones are still unread, which wake as well.
  [[maybe_unused]] int written = eventfd_write(boxes_[box].wake_fd, 1);
}

std::vector<Mailroom::Errand> Mailroom::empty(size_t box) {
  std::lock_guard lock(mutex_);
  return std::exchange(boxes_[box].errands, {});
}

}  // namespace keyway::proxy
