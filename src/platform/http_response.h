// Answers of HTTP/1.1 from bytes, as RFC 9112 has them: a head, then a body that is sized, chunked, or ends
// with the connection. Pure; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace keyway::platform {

// What of an answer's head somebody acts on.
struct HttpHead {
  int status = 0;
  bool keep_alive = true;                // the connection can carry another request afterwards
  std::optional<int64_t> retry_after_s;  // only where it is told as a number, which is how API servers do it
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> fields;  // all of them, by names in lower case

  // The first of that name; empty: none.
  std::string_view field(std::string_view name) const;
};

class HttpResponse {
 public:
  enum class Stage { kHead, kBody, kDone };

  using BodySink = std::function<Status(std::string_view piece)>;

  // Takes the next bytes and gives what is of the body to `sink`, in order and without its framing. kCorrupt:
  // it is no HTTP/1.1; or what `sink` fails with. Bytes behind the end make it kCorrupt: nobody asked for
  // them.
  Status feed(std::string_view bytes, const BodySink& sink);
  // The connection has ended. kUnavailable: before the answer did.
  Status finish();

  Stage stage() const { return stage_; }
  bool done() const { return stage_ == Stage::kDone; }
  bool begun() const { return begun_; }
  // From kBody on.
  const HttpHead& head() const { return head_; }

 private:
  // How the length of the body is told.
  enum class Framing { kNone, kSized, kChunked, kUntilClose };
  enum class ChunkStage { kSize, kData, kDataEnd, kTrailer };

  Status take_line(std::string_view line);
  Status take_status_line(std::string_view line);
  Status take_field(std::string_view line);
  Status take_length(std::string_view value);
  Status take_encoding(std::string_view value);
  Status finish_head();
  Status take_chunk_line(std::string_view line);
  Status take_body(std::string_view& bytes, const BodySink& sink);
  Status cut_lines(std::string_view& bytes);
  bool reads_lines() const;

  Stage stage_ = Stage::kHead;
  Framing framing_ = Framing::kNone;
  ChunkStage chunk_stage_ = ChunkStage::kSize;
  HttpHead head_;
  bool begun_ = false;
  bool status_known_ = false;
  bool chunked_ = false;
  std::optional<uint64_t> length_;
  uint64_t left_ = 0;  // of the body or of the chunk
  size_t head_bytes_ = 0;
  std::string line_;  // that is not whole yet
};

}  // namespace keyway::platform
