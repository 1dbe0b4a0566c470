#include "supervisor/journal.h"

#include <utility>

namespace keyway::supervisor {
namespace {

std::string level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

void cut(std::string& text) {
  if (text.size() <= kMaxEventTextBytes) return;
  size_t end = kMaxEventTextBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not within a character
  text.resize(end);
  text += "…";
}

}  // namespace

void Journal::add(int64_t wall_ms, LogLevel level, std::string shard, std::string text) {
  cut(text);
  LogFields fields;
  if (!shard.empty()) fields.emplace_back("shard", shard);
  log(level, text, fields);
  if (events_.size() == kMaxJournalEvents) events_.pop_front();
  events_.push_back({++last_sequence_, wall_ms, level_name(level), std::move(shard), std::move(text)});
}

std::vector<Event> Journal::since(uint64_t sequence) const {
  if (sequence >= last_sequence_) return {};
  const uint64_t newer = last_sequence_ - sequence;
  const size_t count = newer < events_.size() ? static_cast<size_t>(newer) : events_.size();
  return {events_.end() - static_cast<std::ptrdiff_t>(count), events_.end()};
}

}  // namespace keyway::supervisor
