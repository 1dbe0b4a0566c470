// Large replies, which are passed on to their client as they come.
#include <algorithm>
#include <vector>

#include "proxy/client.h"
#include "proxy/router.h"
#include "proxy/services.h"

namespace keyway::proxy {

void Client::stream(Upstream& upstream, Request& request) {
  if (line_.front() != &request || session_.awaited > 0 || closing_) return;
  if (passed_ != nullptr && passed_->reads_again && !catch_up(request)) return;
  bool remembers = !request.streaming && passed_ == nullptr && request.readonly && !upstream.exclusive &&
                   may_be_large(request.reply.text());
  if (remembers) passed_ = std::make_unique<PassedReply>();
  request.streaming = true;
  pass_on(request.reply, request);
  for (const Slice& piece : request.more_reply) pass_on(piece, request);
  request.streamed_bytes += request.reply_bytes();
  request.drop_reply();
  services_.loop.flush_client_later(*this);
  if (out_.size_bytes() > services_.limits.max_client_bytes) return close_later();
  if (out_.size_bytes() > services_.limits.client_pause_bytes && upstream.held_for == nullptr) {
    held_server_ = &upstream;
    upstream.held_for = this;
    upstream.pause(request);
  }
}

void Client::pass_on(const Slice& piece, const Request& request) {
  if (passed_ != nullptr && !passed_->reads_again) passed_->passed.add(piece.text());
  if (!request.silent) out_.append(piece);
}

// Only if it is the only one in line, and stays so: the replies to others would have to be kept until then.
bool Client::may_read_again(const Request& request) const {
  return passed_ != nullptr && !passed_->reads_again && line_.front() == &request && line_.size() == 1 &&
         request.streaming && !closing_;
}

void Client::read_again(Request& request) {
  server_gone();
  passed_->reads_again = true;
  request.streaming = false;
}

// Drops what has been passed on already. False: there is nothing else yet, or it is another reply.
bool Client::catch_up(Request& request) {
  if (passed_->caught_up) return true;
  std::vector<Slice> pieces = {request.reply};
  pieces.insert(pieces.end(), request.more_reply.begin(), request.more_reply.end());
  request.drop_reply();
  for (Slice& piece : pieces) {
    size_t missing_bytes = passed_->passed.size_bytes() - passed_->again.size_bytes();
    size_t known_bytes = std::min(piece.size_bytes, missing_bytes);
    passed_->again.add(piece.text().substr(0, known_bytes));
    piece.data += known_bytes;
    piece.size_bytes -= known_bytes;
    if (piece.size_bytes > 0) request.add_reply(piece);
  }
  request.streaming = true;
  if (passed_->again.size_bytes() < passed_->passed.size_bytes()) return false;
  passed_->caught_up = passed_->again == passed_->passed;
  if (!passed_->caught_up) close_later();
  return passed_->caught_up;
}

// The reply is whole. Where the client has had a part of another one it cannot be told.
void Client::end_stream(Request& request) {
  if (passed_->reads_again && !catch_up(request)) {
    request.drop_reply();
    close_later();
  }
  passed_.reset();
}

}  // namespace keyway::proxy
