#include "proxy/socket.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

namespace keyway::proxy {

namespace {

constexpr size_t kMaxPieces = 64;  // of one write

}  // namespace

Written write_queue(int fd, SliceQueue& queue, size_t& written_bytes) {
  written_bytes = 0;
  while (!queue.empty()) {
    std::array<iovec, kMaxPieces> pieces;  // NOLINT(*-member-init): those that are looked at are set below
    size_t wanted = 0;
    size_t count = queue.pieces(kMaxPieces, [&](size_t i, const char* data, size_t size) {
      pieces[i] = {const_cast<char*>(data), size};
      wanted += size;
    });
    ssize_t written = 0;
    if (count == 1) {
      written = send(fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL);
    } else {
      msghdr message{};
      message.msg_iov = pieces.data();
      message.msg_iovlen = count;
      written = sendmsg(fd, &message, MSG_NOSIGNAL);
    }
    if (written < 0) return errno == EAGAIN || errno == EINTR ? Written::kSome : Written::kFailed;
    written_bytes += static_cast<size_t>(written);
    queue.drop_front(static_cast<size_t>(written));
    if (static_cast<size_t>(written) < wanted) return Written::kSome;
  }
  return Written::kAll;
}

}  // namespace keyway::proxy
