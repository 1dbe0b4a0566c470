#include "proxy/reply_translate.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace keyway::proxy {

namespace {

constexpr size_t kPeekBytes = 64;  // in which the kind of a message stands

std::optional<ClusterReply> cluster_reply(Expect what) {
  switch (what) {
    case Expect::kSlots:
      return ClusterReply::kSlots;
    case Expect::kShards:
      return ClusterReply::kShards;
    case Expect::kNodes:
      return ClusterReply::kNodes;
    case Expect::kReplicas:
      return ClusterReply::kReplicas;
    default:
      return std::nullopt;
  }
}

// The first text of an array: "message" of "*3\r\n$7\r\nmessage\r\n…".
std::string_view first_text(std::string_view frame) {
  size_t header = frame.find("\r\n");
  if (header == std::string_view::npos || (frame[0] != '*' && frame[0] != '>')) return {};
  std::string_view rest = frame.substr(header + 2);
  size_t line = rest.find("\r\n");
  if (line == std::string_view::npos || rest[0] != '$') return {};
  rest.remove_prefix(line + 2);
  return rest.substr(0, rest.find("\r\n"));
}

bool is_message(std::string_view kind) {
  return kind == "message" || kind == "pmessage" || kind == "smessage";
}

bool is_channel_word(std::string_view kind) {
  return kind == "subscribe" || kind == "psubscribe" || kind == "ssubscribe" || kind == "unsubscribe" ||
         kind == "punsubscribe" || kind == "sunsubscribe";
}

}  // namespace

void ReplyTranslator::expect(const Expected& expected) {
  if (expected.what == Expect::kNothing || streams_ || raw_) return;
  if (expected.what == Expect::kChannels) subscribes_ = true;
  bool alike = expected.what == Expect::kReply && !queue_.empty() && queue_.back().what == Expect::kReply;
  if (alike) {
    ++queue_.back().count;
    return;
  }
  queue_.push_back({expected.what, expected.what == Expect::kChannels ? expected.channels : 1});
}

size_t ReplyTranslator::take(std::string_view bytes, Translating& with, TranslatedBytes& out) {
  size_t at = 0;
  while (at < bytes.size()) {
    std::string_view rest = bytes.substr(at);
    if (frame_ == Frame::kNone && !raw_) begin_frame(rest.front());
    if (raw_) {
      out.pass(rest);
      return bytes.size();
    }
    ReplyScanner::Step step = scanner_.scan_to_errors(rest);
    if (step.state == ReplyScanner::State::kBroken) {
      release(out);
      raw_ = true;
      continue;
    }
    if (step.taken_bytes == 0) break;
    at += step.taken_bytes;
    std::string_view piece = rest.substr(0, step.taken_bytes);
    bool whole = step.state == ReplyScanner::State::kWhole;
    std::optional<std::string> moved = step.error_line ? translate_redirection(piece, with) : std::nullopt;
    if (moved) {
      release(out);
      out.say(*moved);
      if (whole) end_frame();
      continue;
    }
    take_piece(piece, whole, with, out);
  }
  return at;
}

void ReplyTranslator::begin_frame(char type) {
  type_ = type;
  counts_ = type != '>' && !streams_;
  frame_ = Frame::kPass;
  if (type == '>') {
    if (subscribes_) frame_ = Frame::kPeek;
    return;
  }
  if (queue_.empty() || streams_) return;
  Expect next = queue_.front().what;
  if (next == Expect::kRaw) {
    raw_ = true;
  } else if (subscribes_ && type == '*') {
    frame_ = Frame::kPeek;
  } else if (cluster_reply(next)) {
    frame_ = Frame::kCollect;
  }
}

void ReplyTranslator::take_piece(std::string_view piece, bool whole, Translating& with,
                                 TranslatedBytes& out) {
  if (frame_ == Frame::kPass) {
    out.pass(piece);
  } else {
    collected_.append(piece);
    if (frame_ == Frame::kPeek && (whole || collected_.size() >= kPeekBytes)) judge(out);
    if (frame_ == Frame::kCollect && whole) end_collecting(with, out);
    if (frame_ == Frame::kCollect && collected_.size() > kMaxCollectedBytes) release(out);
  }
  if (whole) end_frame();
}

// Its first bytes are there: a message, a word about a channel, or a reply.
void ReplyTranslator::judge(TranslatedBytes& out) {
  std::string_view kind = first_text(collected_);
  if (is_message(kind) || takes_channel_word(kind)) counts_ = false;
  bool collects = counts_ && !queue_.empty() && cluster_reply(queue_.front().what);
  if (collects) {
    frame_ = Frame::kCollect;
  } else {
    release(out);
  }
}

bool ReplyTranslator::takes_channel_word(std::string_view kind) {
  if (!is_channel_word(kind)) return false;
  if (!queue_.empty() && queue_.front().what == Expect::kChannels) {
    --queue_.front().count;
    if (queue_.front().count == 0) queue_.pop_front();
  }
  return true;
}

void ReplyTranslator::end_collecting(Translating& with, TranslatedBytes& out) {
  std::optional<ClusterReply> kind = queue_.empty() ? std::nullopt : cluster_reply(queue_.front().what);
  std::optional<std::string> translated = kind ? translate_reply(*kind, collected_, with) : std::nullopt;
  if (translated) collected_ = std::move(*translated);
  release(out);
}

// What was kept goes out as it is; the rest of the frame is passed on.
void ReplyTranslator::release(TranslatedBytes& out) {
  if (!collected_.empty()) out.say(collected_);
  collected_.clear();
  if (collected_.capacity() > kPeekBytes) collected_.shrink_to_fit();
  frame_ = Frame::kPass;
}

void ReplyTranslator::end_frame() {
  frame_ = Frame::kNone;
  if (!counts_ || queue_.empty()) return;
  Waiting& front = queue_.front();
  if (front.what == Expect::kStream && type_ == '+') {
    streams_ = true;
    queue_.clear();
    return;
  }
  if (front.what == Expect::kReply) {
    --front.count;
    if (front.count > 0) return;
  }
  // Of kChannels this was the one error.
  queue_.pop_front();
}

}  // namespace keyway::proxy
