#include "platform/kubernetes/work_queue.h"

#include <algorithm>

namespace keyway::platform::kubernetes {

namespace {

constexpr int kMaxDoublings = 20;

}  // namespace

void WorkQueue::schedule(const std::string& key, Entry& entry, int64_t due_ms) {
  if (entry.due_ms && *entry.due_ms <= due_ms) return;
  if (entry.due_ms && !entry.working) due_.erase({{*entry.due_ms, entry.order}, key});
  entry.due_ms = due_ms;
  entry.order = ++last_order_;
  if (!entry.working) due_.insert({{due_ms, entry.order}, key});
}

bool WorkQueue::add(const std::string& key, int64_t now_ms, int64_t delay_ms) {
  auto known = entries_.find(key);
  if (known == entries_.end()) {
    if (entries_.size() >= options_.max_keys) return false;
    known = entries_.emplace(key, Entry{}).first;
  }
  schedule(key, known->second, now_ms + delay_ms);
  return true;
}

bool WorkQueue::add_failed(const std::string& key, int64_t now_ms) {
  auto known = entries_.find(key);
  int failures = known == entries_.end() ? 0 : known->second.failures;
  int64_t pause_ms = options_.backoff_min_ms << std::min(failures, kMaxDoublings);
  if (!add(key, now_ms, std::min(pause_ms, options_.backoff_max_ms))) return false;
  ++entries_[key].failures;
  return true;
}

void WorkQueue::forget_failures(const std::string& key) {
  auto known = entries_.find(key);
  if (known == entries_.end()) return;
  known->second.failures = 0;
  drop_if_idle(key);
}

int WorkQueue::failures(const std::string& key) const {
  auto known = entries_.find(key);
  return known == entries_.end() ? 0 : known->second.failures;
}

void WorkQueue::refill(int64_t now_ms) {
  if (filled_ && now_ms > filled_at_ms_) {
    // More than the whole cannot come together, however long it was.
    int64_t passed_ms = std::min(now_ms - filled_at_ms_, options_.burst * kThousand);
    tokens_thousandths_ =
        std::min(options_.burst * kThousand, tokens_thousandths_ + passed_ms * options_.per_second);
  }
  filled_at_ms_ = filled_ ? std::max(filled_at_ms_, now_ms) : now_ms;
  filled_ = true;
}

std::optional<std::string> WorkQueue::take(int64_t now_ms) {
  refill(now_ms);
  if (due_.empty() || due_.begin()->first.first > now_ms || tokens_thousandths_ < kThousand)
    return std::nullopt;
  tokens_thousandths_ -= kThousand;
  std::string key = due_.begin()->second;
  due_.erase(due_.begin());
  Entry& entry = entries_[key];
  entry.due_ms.reset();
  entry.working = true;
  return key;
}

void WorkQueue::done(const std::string& key) {
  auto known = entries_.find(key);
  if (known == entries_.end() || !known->second.working) return;
  Entry& entry = known->second;
  entry.working = false;
  if (entry.due_ms) due_.insert({{*entry.due_ms, entry.order}, key});
  drop_if_idle(key);
}

void WorkQueue::drop_if_idle(const std::string& key) {
  const Entry& entry = entries_[key];
  if (!entry.working && !entry.due_ms && entry.failures == 0) entries_.erase(key);
}

std::optional<int64_t> WorkQueue::next_ms(int64_t now_ms) const {
  if (due_.empty()) return std::nullopt;
  int64_t due_ms = due_.begin()->first.first;
  int64_t missing = kThousand - tokens_thousandths_;
  if (missing <= 0) return std::max(due_ms, now_ms);
  int64_t filled_ms = filled_at_ms_ + (missing + options_.per_second - 1) / options_.per_second;
  return std::max({due_ms, filled_ms, now_ms});
}

}  // namespace keyway::platform::kubernetes
