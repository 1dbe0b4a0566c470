#include "platform/local/watcher.h"

#include <poll.h>
#include <sys/wait.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <map>
#include <memory>

namespace keyway::platform::local {

// Held by waits that are under way too, so that one that ends after the Watcher finds it still there.
struct Watcher::Impl : std::enable_shared_from_this<Watcher::Impl> {
  Impl(boost::asio::io_context& context, std::function<void()> exit_callback)
      : io(context), on_exit(std::move(exit_callback)) {}

  boost::asio::io_context& io;
  std::function<void()> on_exit;
  std::map<int, boost::asio::posix::stream_descriptor> watched;  // by pid
  std::map<int, int> exit_statuses;                              // by pid; of children that were reaped

  void wait(int pid) {
    auto& descriptor = watched.at(pid);
    descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this(), pid](const boost::system::error_code& error) {
                            if (error || !self->on_exit) return;
                            self->reap(pid);
                            self->on_exit();
                          });
  }

  // Keeps the exit status if it is our child that has ended.
  void reap(int pid) {
    int wait_status = 0;
    pid_t reaped = 0;
    do {
      reaped = ::waitpid(pid, &wait_status, WNOHANG);
    } while (reaped < 0 && errno == EINTR);
    if (reaped == pid) exit_statuses[pid] = wait_status;
  }
};

Watcher::Watcher(boost::asio::io_context& io, std::function<void()> on_exit)
    : impl_(std::make_shared<Impl>(io, std::move(on_exit))) {}

Watcher::~Watcher() {
  impl_->on_exit = nullptr;
  impl_->watched.clear();
}

Status Watcher::watch(const ProcessIdentity& process) {
  Result<Fd> fd = open_process(process);
  if (!fd) return fail(fd.error());
  impl_->watched.erase(process.pid);
  impl_->exit_statuses.erase(process.pid);
  impl_->watched.emplace(process.pid, boost::asio::posix::stream_descriptor(impl_->io, fd->release()));
  impl_->wait(process.pid);
  return {};
}

bool Watcher::running(int pid) const {
  auto found = impl_->watched.find(pid);
  if (found == impl_->watched.end()) return false;
  pollfd entry{found->second.native_handle(), POLLIN, 0};
  return ::poll(&entry, 1, 0) <= 0;
}

std::optional<int> Watcher::forget(int pid) {
  impl_->reap(pid);
  impl_->watched.erase(pid);
  auto status = impl_->exit_statuses.extract(pid);
  return status.empty() ? std::nullopt : std::optional<int>(status.mapped());
}

}  // namespace keyway::platform::local
