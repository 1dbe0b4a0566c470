// What a client has of servers for itself: a connection with watched keys or with subscriptions, an account.
#include <algorithm>

#include "proxy/client.h"
#include "proxy/router.h"
#include "proxy/services.h"
#include "proxy/subscriptions.h"

namespace keyway::proxy {

void Client::own(Upstream& upstream, Purpose purpose) {
  upstream.client = this;
  own_.push_back({&upstream, purpose});
}

Upstream* Client::owned(Purpose purpose, uint16_t node) const {
  auto found = std::ranges::find_if(own_, [&](const Own& own) {
    return own.purpose == purpose && (node == Request::kNone || own.upstream->target().node == node);
  });
  return found == own_.end() ? nullptr : found->upstream;
}

void Client::own_lost(Upstream& upstream) {
  auto found = std::ranges::find(own_, &upstream, &Own::upstream);
  if (found == own_.end()) return;
  Purpose purpose = found->purpose;
  own_.erase(found);
  // Without them it would wait for messages in vain; as from a server that ends, it hears of it.
  if (purpose == Purpose::kSubscriptions || purpose == Purpose::kMonitor) close_later();
  if (purpose == Purpose::kWatch) session_.watch_lost = true;
}

void Client::give_up(Purpose purpose) {
  while (Upstream* upstream = let_go(purpose)) upstream->close_unneeded("its client needs it no more");
}

void Client::give_up_all() {
  while (!own_.empty()) give_up(own_.back().purpose);
}

Upstream* Client::let_go(Purpose purpose) {
  auto found = std::ranges::find(own_, purpose, &Own::purpose);
  if (found == own_.end()) return nullptr;
  Upstream* upstream = found->upstream;
  own_.erase(found);
  upstream->client = nullptr;
  return upstream;
}

void Client::hand_back(Purpose purpose) {
  if (Upstream* upstream = let_go(purpose); upstream != nullptr) upstream->lane->give_back(*upstream);
}

void Client::give_up_watch() {
  session_.watch_lost = false;
  give_up(Purpose::kWatch);
}

void Client::change_lane(Lane& lane) {
  services_.router.leave(*session_.lane);
  session_.lane = &lane;
  session_.resp3 = lane.resp3();
}

void Client::told(Upstream& upstream, Request& frame) {
  if (closing_ || state_ == State::kClosed) return;
  Heard heard = hear(*this, upstream, frame);
  if (heard != Heard::kNothing) {
    told_.push_back(frame.reply);
    for (const Slice& piece : frame.more_reply) told_.push_back(piece);
    append_told();
  }
  if (session_.awaited > 0) return;
  if (heard == Heard::kNothing) take_answers();
  if (session_.listens()) return;
  give_up(Purpose::kSubscriptions);
  give_up(Purpose::kMonitor);
  if (stuck_) services_.loop.go_on_later(*this);
}

void Client::tell(const Slice& message) {
  if (closing_ || state_ == State::kClosed) return;
  told_.push_back(message);
  append_told();
}

// Between replies, never within one.
void Client::append_told() {
  if (!line_.empty() && line_.front()->streaming) return;
  for (const Slice& piece : told_) out_.append(piece);
  told_.clear();
  services_.loop.flush_client_later(*this);
  if (out_.size_bytes() > services_.limits.max_client_bytes) close_later();
}

}  // namespace keyway::proxy
