#include "platform/http_response.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::platform {

namespace {

constexpr size_t kMaxLineBytes = 16 << 10;
constexpr size_t kMaxHeadBytes = 64 << 10;
constexpr size_t kToldBytes = 80;
constexpr int kSwitchingProtocols = 101;
constexpr int kNoContent = 204;
constexpr int kNotModified = 304;
constexpr int kOk = 200;

Status bad(std::string_view what, std::string_view seen) {
  return fail(ErrorCode::kCorrupt, fmt::format("{}: '{}'", what, seen.substr(0, kToldBytes)));
}

}  // namespace

std::string_view HttpHead::field(std::string_view name) const {
  auto found = std::ranges::find(fields, name, &std::pair<std::string, std::string>::first);
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

bool HttpResponse::reads_lines() const {
  if (stage_ == Stage::kHead) return true;
  return stage_ == Stage::kBody && framing_ == Framing::kChunked && chunk_stage_ != ChunkStage::kData;
}

Status HttpResponse::feed(std::string_view bytes, const BodySink& sink) {
  begun_ = begun_ || !bytes.empty();
  while (!bytes.empty()) {
    if (stage_ == Stage::kDone) return bad("more came than the answer", bytes);
    Status taken = reads_lines() ? cut_lines(bytes) : take_body(bytes, sink);
    if (!taken) return taken;
  }
  return {};
}

// One line, if there is a whole one.
Status HttpResponse::cut_lines(std::string_view& bytes) {
  size_t end = bytes.find('\n');
  std::string_view part = bytes.substr(0, end);
  if (line_.size() + part.size() > kMaxLineBytes) return bad("a line of its head is too long", line_);
  line_ += part;
  if (end == std::string_view::npos) {
    bytes = {};
    return {};
  }
  bytes.remove_prefix(end + 1);
  std::string line;
  line.swap(line_);
  if (line.ends_with('\r')) line.pop_back();
  head_bytes_ =
      stage_ == Stage::kHead || chunk_stage_ == ChunkStage::kTrailer ? head_bytes_ + line.size() : 0;
  if (head_bytes_ > kMaxHeadBytes) return bad("its head is too long", line);
  return stage_ == Stage::kHead ? take_line(line) : take_chunk_line(line);
}

Status HttpResponse::take_line(std::string_view line) {
  if (!status_known_) return take_status_line(line);
  if (line.empty()) return finish_head();
  return take_field(line);
}

Status HttpResponse::take_status_line(std::string_view line) {
  constexpr std::string_view version = "HTTP/1.";
  constexpr size_t status_at = 9;
  if (!line.starts_with(version) || line.size() < status_at + 3 || line[status_at - 1] != ' ')
    return bad("what it answers is no HTTP", line);
  std::optional<uint64_t> status = parse_uint(line.substr(status_at, 3));
  if (!status || *status < 100) return bad("its answer has no status", line);
  head_ = {};
  head_.status = static_cast<int>(*status);
  head_.keep_alive = line[version.size()] != '0';
  status_known_ = true;
  return {};
}

Status HttpResponse::take_field(std::string_view line) {
  size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return bad("a field of its head has no name", line);
  std::string name = to_lower(line.substr(0, colon));
  std::string_view value = trim(line.substr(colon + 1));
  head_.fields.emplace_back(name, value);
  if (name == "content-length") return take_length(value);
  if (name == "transfer-encoding") return take_encoding(value);
  if (name == "content-type") head_.content_type = value;
  if (name == "connection") {
    std::string words = to_lower(value);
    if (words.find("close") != std::string::npos) head_.keep_alive = false;
    if (words.find("keep-alive") != std::string::npos) head_.keep_alive = true;
  }
  if (name == "retry-after") {
    std::optional<uint64_t> seconds = parse_uint(value);
    constexpr uint64_t longest_s = 24 * 3600;
    if (seconds) head_.retry_after_s = static_cast<int64_t>(std::min(*seconds, longest_s));
  }
  return {};
}

Status HttpResponse::take_length(std::string_view value) {
  std::optional<uint64_t> length = parse_uint(value);
  if (!length || (length_ && *length_ != *length)) return bad("its Content-Length is none", value);
  length_ = length;
  return {};
}

Status HttpResponse::take_encoding(std::string_view value) {
  if (to_lower(value) != "chunked") return bad("its Transfer-Encoding is not known here", value);
  chunked_ = true;
  return {};
}

Status HttpResponse::finish_head() {
  if (head_.status == kSwitchingProtocols) return bad("it switches protocols, which nobody asked for", "101");
  if (head_.status < kOk) {  // 100 and the like: the answer itself follows
    status_known_ = false;
    chunked_ = false;
    length_.reset();
    return {};
  }
  bool bodiless = head_.status == kNoContent || head_.status == kNotModified;
  if (bodiless || (!chunked_ && length_ == 0)) {
    stage_ = Stage::kDone;
    return {};
  }
  stage_ = Stage::kBody;
  framing_ = chunked_ ? Framing::kChunked : length_ ? Framing::kSized : Framing::kUntilClose;
  if (framing_ == Framing::kSized) left_ = *length_;
  if (framing_ == Framing::kUntilClose) head_.keep_alive = false;
  return {};
}

Status HttpResponse::take_chunk_line(std::string_view line) {
  switch (chunk_stage_) {
    case ChunkStage::kSize: {
      std::string_view digits = trim(line.substr(0, line.find(';')));
      auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), left_, 16);
      if (digits.empty() || error != std::errc() || end != digits.data() + digits.size())
        return bad("a chunk has no size", line);
      chunk_stage_ = left_ == 0 ? ChunkStage::kTrailer : ChunkStage::kData;
      return {};
    }
    case ChunkStage::kDataEnd:
      if (!line.empty()) return bad("a chunk is longer than it said", line);
      chunk_stage_ = ChunkStage::kSize;
      return {};
    case ChunkStage::kTrailer:
      if (line.empty()) stage_ = Stage::kDone;
      return {};
    case ChunkStage::kData:
      break;
  }
  return bad("a chunk without an end", line);
}

Status HttpResponse::take_body(std::string_view& bytes, const BodySink& sink) {
  size_t size = bytes.size();
  if (framing_ != Framing::kUntilClose) size = static_cast<size_t>(std::min<uint64_t>(left_, size));
  if (Status taken = sink(bytes.substr(0, size)); !taken) return taken;
  bytes.remove_prefix(size);
  if (framing_ == Framing::kUntilClose) return {};
  left_ -= size;
  if (left_ > 0) return {};
  if (framing_ == Framing::kSized) stage_ = Stage::kDone;
  if (framing_ == Framing::kChunked) chunk_stage_ = ChunkStage::kDataEnd;
  return {};
}

Status HttpResponse::finish() {
  if (stage_ == Stage::kBody && framing_ == Framing::kUntilClose) stage_ = Stage::kDone;
  if (stage_ == Stage::kDone) return {};
  return fail(ErrorCode::kUnavailable, begun_ ? "the server closed the connection in the middle of its answer"
                                              : "the server closed the connection without an answer");
}

}  // namespace keyway::platform
