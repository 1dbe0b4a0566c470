#include "proxy/transport.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace keyway::proxy {

namespace {

using Outcome = engine::TlsStream::Outcome;

// The most that one record of TLS holds.
constexpr size_t kRecordBytes = size_t{16} << 10;
constexpr size_t kMaxPieces = 64;  // that a record is put together from
// One read takes no more, so that a fast peer leaves the others of its thread their share.
constexpr size_t kMaxReadBytes = size_t{256} << 10;

// The first bytes of the queue, up to a record's worth, in one piece: where they are, or in `record`.
// Repeated, it begins with the same bytes and gives no fewer, as TlsStream wants it of a write that waits.
std::string_view front_of(const SliceQueue& queue, std::array<char, kRecordBytes>& record) {
  std::string_view whole;
  size_t filled = 0;
  queue.pieces(kMaxPieces, [&](size_t i, const char* data, size_t size) {
    if (i == 0 && (size >= kRecordBytes || size == queue.size_bytes()))
      whole = {data, std::min(size, kRecordBytes)};
    if (!whole.empty() || filled == kRecordBytes) return;
    size_t taken = std::min(size, kRecordBytes - filled);
    std::memcpy(record.data() + filled, data, taken);
    filled += taken;
  });
  return whole.empty() ? std::string_view(record.data(), filled) : whole;
}

}  // namespace

Transport::~Transport() {
  if (fd_ >= 0) ::close(fd_);
}

void Transport::accept_tls(std::shared_ptr<const engine::TlsContext> context) {
  tls_ = std::make_unique<Tls>(std::move(context), fd_);
  tls_->stream.read_ahead();
}

void Transport::connect_tls(std::shared_ptr<const engine::TlsContext> context, const std::string& host) {
  tls_ = std::make_unique<Tls>(std::move(context), fd_, host);
  tls_->stream.read_ahead();
}

Transport::Handshake Transport::handshake() {
  switch (tls_->stream.handshake()) {
    case Outcome::kDone:
      tls_->established = true;
      return Handshake::kDone;
    case Outcome::kWantsRead:
      return Handshake::kWantsRead;
    case Outcome::kWantsWrite:
      return Handshake::kWantsWrite;
    case Outcome::kClosed:
    case Outcome::kFailed:
      break;
  }
  tls_->failed = true;
  return Handshake::kFailed;
}

ssize_t Transport::read_tls(char* to, size_t size) {
  size = std::min(size, kMaxReadBytes);
  size_t total = 0;
  tls_->read_wants_write = false;
  tls_->has_more = false;
  while (!tls_->ended && !tls_->failed && total < size) {
    size_t got = 0;
    Outcome outcome = tls_->stream.read(to + total, size - total, got);
    if (outcome == Outcome::kWantsRead || outcome == Outcome::kWantsWrite) {
      tls_->read_wants_write = outcome == Outcome::kWantsWrite;
      if (total > 0) return static_cast<ssize_t>(total);
      errno = EAGAIN;
      return -1;
    }
    tls_->ended = outcome == Outcome::kClosed;
    tls_->failed = outcome == Outcome::kFailed;
    total += got;
    if (outcome == Outcome::kDone && !tls_->stream.has_pending()) return static_cast<ssize_t>(total);
  }
  if (total > 0) {
    tls_->has_more = true;  // bytes, the end, or the error
    return static_cast<ssize_t>(total);
  }
  if (!tls_->failed) return 0;
  errno = EPROTO;
  return -1;
}

Written Transport::write_tls(SliceQueue& queue, size_t& written_bytes) {
  written_bytes = 0;
  if (tls_->failed) return Written::kFailed;
  std::array<char, kRecordBytes> record;  // NOLINT(*-member-init): what is looked at is set
  while (!queue.empty()) {
    std::string_view front = front_of(queue, record);
    size_t moved = 0;
    switch (tls_->stream.write(front, moved)) {
      case Outcome::kDone:
        written_bytes += moved;
        queue.drop_front(moved);
        break;
      case Outcome::kWantsRead:
      case Outcome::kWantsWrite:
        return Written::kSome;
      case Outcome::kClosed:
      case Outcome::kFailed:
        tls_->failed = true;
        return Written::kFailed;
    }
  }
  return Written::kAll;
}

bool Transport::write_at_once(std::string_view bytes) {
  if (tls_ == nullptr)
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  while (!bytes.empty()) {
    size_t moved = 0;
    Outcome outcome = tls_->stream.write(bytes, moved);
    if (outcome != Outcome::kDone) {
      tls_->failed = outcome == Outcome::kFailed;
      errno = EAGAIN;
      return false;
    }
    bytes.remove_prefix(moved);
  }
  return true;
}

std::string Transport::why() const {
  return failed() && !tls_->stream.why().empty() ? tls_->stream.why() : errno_text(errno);
}

void Transport::close() {
  if (fd_ < 0) return;
  if (tls_ != nullptr) tls_->stream.say_goodbye();
  tls_.reset();
  ::close(std::exchange(fd_, -1));
}

}  // namespace keyway::proxy
