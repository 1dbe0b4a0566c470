#include "proxy/request_track.h"

#include <algorithm>

namespace keyway::proxy {

namespace {

constexpr size_t kMaxLineBytes = 24;  // of a length
constexpr int64_t kMaxNumber = int64_t{1} << 40;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

void RequestTracker::Word::add(char c) {
  // A longer word is none of those that matter: its size tells.
  if (size < kMaxBytes) bytes[size] = lower(c);
  size = std::min(size + 1, kMaxBytes);
}

void RequestTracker::begin() {
  at_ = At::kStart;
  arguments_ = 0;
  in_word_ = false;
  line_bytes_ = 0;
  for (Word& word : words_) word.size = 0;
}

// Gives how many bytes it has taken, at least one.
size_t RequestTracker::step(std::string_view bytes) {
  switch (at_) {
    case At::kStart:
      number_ = 0;
      negative_ = any_digit_ = false;
      at_ = bytes.front() == '*' ? At::kCount : At::kInline;
      return at_ == At::kCount ? 1 : step_inline(bytes);
    case At::kCount:
    case At::kBulkHeader:
      return step_line(bytes);
    case At::kBulk:
      return step_bulk(bytes);
    case At::kInline:
      return step_inline(bytes);
  }
  return bytes.size();
}

// One byte of "3\r\n" or "$3\r\n".
size_t RequestTracker::step_line(std::string_view bytes) {
  char c = bytes.front();
  ++line_bytes_;
  if (at_ == At::kBulkHeader && line_bytes_ == 1) {
    lost_ = c != '$';
  } else if (c >= '0' && c <= '9') {
    number_ = number_ * 10 + (c - '0');
    any_digit_ = true;
    lost_ = number_ > kMaxNumber;
  } else if (c == '-' && !any_digit_ && !negative_) {
    negative_ = true;
  } else if (c == '\n') {
    end_line();
  } else if (c != '\r') {
    lost_ = true;
  }
  if (line_bytes_ > kMaxLineBytes) lost_ = true;
  return 1;
}

void RequestTracker::end_line() {
  bool header = at_ == At::kBulkHeader;
  lost_ = !any_digit_ || (header && negative_);
  if (lost_) return;
  line_bytes_ = 0;
  if (header) {
    payload_left_ = static_cast<size_t>(number_);
    left_bytes_ = payload_left_ + 2;
    at_ = At::kBulk;
  } else if (negative_ || number_ == 0) {
    begin();  // an empty command, which is not answered
    return;
  } else {
    missing_ = number_;
    at_ = At::kBulkHeader;
  }
  number_ = 0;
  any_digit_ = negative_ = false;
}

size_t RequestTracker::step_bulk(std::string_view bytes) {
  size_t taken = std::min(left_bytes_, bytes.size());
  size_t payload = std::min(payload_left_, taken);
  if (arguments_ < kWords) {
    Word& word = words_[arguments_];
    for (char c : bytes.substr(0, std::min(payload, Word::kMaxBytes - std::min(word.size, Word::kMaxBytes))))
      word.add(c);
  }
  payload_left_ -= payload;
  left_bytes_ -= taken;
  if (left_bytes_ > 0) return taken;
  ++arguments_;
  --missing_;
  whole_ = missing_ == 0;
  at_ = At::kBulkHeader;
  return taken;
}

// Quotes around a word go, and what is within them is not looked at: no word that matters needs any.
size_t RequestTracker::step_inline(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size()) {
    char c = bytes[taken];
    ++taken;
    ++line_bytes_;
    bool ends = c == '\n';
    if (ends || c == '\r' || is_blank(c)) {
      if (in_word_) ++arguments_;
      in_word_ = false;
    } else {
      if (arguments_ < kWords && c != '"' && c != '\'') words_[arguments_].add(c);
      in_word_ = true;
    }
    if (!ends) continue;
    whole_ = arguments_ > 0;
    if (!whole_) begin();
    return taken;
  }
  lost_ = line_bytes_ > kMaxInlineBytes;
  return taken;
}

Expected RequestTracker::classify() {
  if (words_[0].text() == "client" && words_[1].text() == "reply" && arguments_ == 3) return reply_mode();
  if (words_[0].text() == "reset" && arguments_ == 1) replies_off_ = skips_next_ = false;
  if (replies_off_) return {Expect::kNothing};
  if (skips_next_) {
    skips_next_ = false;
    return {Expect::kNothing};
  }
  return of_words();
}

Expected RequestTracker::reply_mode() {
  std::string_view mode = words_[2].text();
  if (mode == "on") {
    replies_off_ = skips_next_ = false;
    return {Expect::kReply};
  }
  if (mode == "off") replies_off_ = true;
  if (mode == "skip") skips_next_ = !replies_off_;
  bool known = mode == "off" || mode == "skip";
  return {known || replies_off_ ? Expect::kNothing : Expect::kReply};
}

Expected RequestTracker::of_words() const {
  std::string_view name = words_[0].text();
  std::string_view sub = words_[1].text();
  if (name == "cluster") {
    if (sub == "slots") return {Expect::kSlots};
    if (sub == "shards") return {Expect::kShards};
    if (sub == "nodes") return {Expect::kNodes};
    if (sub == "replicas" || sub == "slaves") return {Expect::kReplicas};
    return {Expect::kReply};
  }
  if (name == "monitor") return {Expect::kStream};
  if (name == "psync" || name == "sync") return {Expect::kRaw};
  bool leaves = name == "unsubscribe" || name == "punsubscribe" || name == "sunsubscribe";
  bool joins = name == "subscribe" || name == "psubscribe" || name == "ssubscribe";
  if (leaves || (joins && arguments_ > 1)) return {Expect::kChannels, std::max<uint32_t>(1, arguments_ - 1)};
  return {Expect::kReply};
}

}  // namespace keyway::proxy
