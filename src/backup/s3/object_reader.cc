#include "backup/s3/object_reader.h"

#include <utility>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::backup::s3 {

namespace {

// So much has to come before tries count from the beginning again: a connection that is lost over and over
// must not go on for ever.
constexpr int64_t kProgressBytes = int64_t{1} << 20;
constexpr int kPartial = 206;

}  // namespace

S3Reader::S3Reader(std::shared_ptr<Client> client, const std::string& name, int64_t from_bytes)
    : client_(std::move(client)),
      key_(client_->settings().prefix + name),
      url_(client_->settings().url + "/" + name),
      at_bytes_(from_bytes),
      tries_(client_->tries()),
      tried_at_bytes_(from_bytes) {}

Status S3Reader::check_head(const platform::HttpHead& head) {
  auto wrong = [&](std::string_view what) {
    return fail(ErrorCode::kCorrupt, fmt::format("read {}: {}", url_, what));
  };
  std::optional<int64_t> length = parse_int(head.field("content-length"));
  int64_t size_bytes = length ? at_bytes_ + *length : -1;
  if (at_bytes_ > 0) {
    std::string from = fmt::format("bytes {}-", at_bytes_);
    std::string_view range = head.field("content-range");
    if (head.status != kPartial || !range.starts_with(from))
      return wrong("the server gives another part of it than was asked for");
    size_bytes = parse_int(range.substr(range.rfind('/') + 1)).value_or(size_bytes);
  }
  std::string_view tag = head.field("etag");
  bool other =
      (!tag_.empty() && tag != tag_) || (size_bytes_ >= 0 && size_bytes >= 0 && size_bytes != size_bytes_);
  if (other) return wrong("it was replaced while it was read; read it again");
  tag_ = tag;
  if (size_bytes >= 0) size_bytes_ = size_bytes;
  return {};
}

Status S3Reader::ask() {
  Request get{.what = "read " + url_, .key = key_};
  if (at_bytes_ > 0) get.headers.emplace_back("range", range_from(at_bytes_));
  if (!tag_.empty()) get.headers.emplace_back("if-match", tag_);
  Result<std::unique_ptr<HttpAnswer>> opened = client_->open(get, tries_);
  if (!opened) return fail(opened.error());
  answer_ = std::move(*opened);
  return check_head(answer_->head());
}

Status S3Reader::open() {
  Status asked = ask();
  // From behind its end there is nothing; that is no error of a file either.
  bool behind = !asked && at_bytes_ > 0 && asked.error().message.find("InvalidRange") != std::string::npos;
  if (!behind) return asked;
  answer_.reset();
  return {};
}

Result<size_t> S3Reader::read(char* to, size_t size_bytes) {
  if (size_bytes == 0 || !answer_) return 0;
  while (true) {
    Result<size_t> got = answer_->read(to, size_bytes);
    if (got && *got > 0) {
      at_bytes_ += static_cast<int64_t>(*got);
      return got;
    }
    bool whole = got && (size_bytes_ < 0 || at_bytes_ == size_bytes_);
    if (whole) {
      answer_.reset();
      return 0;
    }
    Error error = got ? Error{ErrorCode::kUnavailable, "the answer ended too early"} : got.error();
    answer_.reset();
    if (at_bytes_ - tried_at_bytes_ >= kProgressBytes) tries_ = client_->tries();
    tried_at_bytes_ = at_bytes_;
    if (!tries_.again(client_->settings().patience.tries)) {
      return fail(error.code, fmt::format("read {}: after {} bytes: {} ({})", url_, at_bytes_, error.message,
                                          tries_.text()));
    }
    if (Status asked = ask(); !asked) return fail(asked.error());
  }
}

}  // namespace keyway::backup::s3
