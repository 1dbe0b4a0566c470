#include "engine/rdb_transfer.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::engine {

namespace {

constexpr size_t kMaxLineBytes = 1024;
constexpr size_t kMarkBytes = 40;
constexpr size_t kReplicationIdBytes = 40;
constexpr std::string_view kFullResync = "+FULLRESYNC ";
constexpr size_t kHeadBytes = 9;        // "REDIS0011", "VALKEY080"
constexpr int64_t kSmallestBytes = 18;  // magic, end, checksum

bool is_rdb(std::string_view head) { return head.starts_with("REDIS") || head.starts_with("VALKEY"); }

Status no_transfer(std::string_view line) {
  return fail(ErrorCode::kCorrupt,
              fmt::format("it answered SYNC with something else than a data set: {}", line.substr(0, 80)));
}

Status refused(std::string_view line) {
  line.remove_prefix(1);
  bool denied = line.starts_with("NOPERM") || line.starts_with("NOAUTH");
  return fail(denied ? ErrorCode::kDenied : ErrorCode::kUnavailable,
              fmt::format("it refused SYNC: {}", line));
}

}  // namespace

Status RdbTransfer::feed(std::string_view bytes, const Sink& sink) {
  while (stage_ == Stage::kPreparing && !bytes.empty()) {
    size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (line_.size() > kMaxLineBytes) return no_transfer(line_);
    if (end == std::string_view::npos) return {};
    bytes.remove_prefix(end + 1);
    Status taken = take_line(line_.ends_with('\r') ? std::string_view(line_).substr(0, line_.size() - 1)
                                                   : std::string_view(line_));
    if (!taken) return taken;
    line_.clear();
  }
  if (stage_ == Stage::kSized) return take_sized(bytes, sink);
  if (stage_ == Stage::kMarked) return take_marked(bytes, sink);
  return {};
}

Status RdbTransfer::take_line(std::string_view line) {
  if (line.empty()) return {};  // a sign of life
  if (line.starts_with('-')) return refused(line);
  if (line.starts_with(kFullResync)) return take_history(line);
  if (!line.starts_with('$')) return no_transfer(line);
  line.remove_prefix(1);
  constexpr std::string_view marked = "EOF:";
  if (line.starts_with(marked) && line.size() == marked.size() + kMarkBytes) {
    mark_ = line.substr(marked.size());
    stage_ = Stage::kMarked;
    return {};
  }
  std::optional<int64_t> size = parse_int(line);
  if (!size || *size < kSmallestBytes) return no_transfer(line);
  announced_ = *size;
  stage_ = Stage::kSized;
  return {};
}

Status RdbTransfer::take_history(std::string_view line) {
  std::vector<std::string_view> words = split_blanks(line);
  std::optional<int64_t> offset = words.size() == 3 ? parse_int(words[2]) : std::nullopt;
  bool hexadecimal = words.size() == 3 && words[1].size() == kReplicationIdBytes &&
                     words[1].find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (!hexadecimal || !offset || *offset < 0) return no_transfer(line);
  replication_id_ = words[1];
  offset_ = *offset;
  return {};
}

Status RdbTransfer::take_sized(std::string_view bytes, const Sink& sink) {
  auto left = static_cast<size_t>(announced_ - written_bytes_);
  if (Status given = give(bytes.substr(0, left), sink); !given) return given;
  return written_bytes_ == announced_ ? finish() : Status{};
}

// The mark is the last that comes: the server goes on only when it is told that the file has arrived.
Status RdbTransfer::take_marked(std::string_view bytes, const Sink& sink) {
  size_t total = held_.size() + bytes.size();
  if (total > kMarkBytes) {
    size_t free = total - kMarkBytes;
    size_t of_held = std::min(free, held_.size());
    if (Status given = give(std::string_view(held_).substr(0, of_held), sink); !given) return given;
    held_.erase(0, of_held);
    if (Status given = give(bytes.substr(0, free - of_held), sink); !given) return given;
    bytes.remove_prefix(free - of_held);
  }
  held_ += bytes;
  return held_ == mark_ ? finish() : Status{};
}

Status RdbTransfer::give(std::string_view bytes, const Sink& sink) {
  if (bytes.empty()) return {};
  if (head_.size() < kHeadBytes) {
    head_ += bytes.substr(0, kHeadBytes - head_.size());
    if (head_.size() >= kHeadBytes && !is_rdb(head_)) {
      return fail(ErrorCode::kCorrupt, "what it sent after SYNC is no RDB file");
    }
  }
  written_bytes_ += static_cast<int64_t>(bytes.size());
  return sink(bytes);
}

Status RdbTransfer::finish() {
  if (written_bytes_ < kSmallestBytes)
    return fail(ErrorCode::kCorrupt, "the RDB file that it sent is cut short");
  stage_ = Stage::kDone;
  return {};
}

}  // namespace keyway::engine
