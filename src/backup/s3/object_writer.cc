#include "backup/s3/object_writer.h"

#include <algorithm>
#include <utility>

#include "backup/digest.h"
#include "backup/s3/listing.h"
#include "backup/s3/xml_scan.h"
#include "base/format.h"
#include "base/strings.h"
#include "platform/base64.h"

namespace keyway::backup::s3 {

namespace {

constexpr size_t kMaxParts = 10'000;  // of S3
// Behind so many parts they are four times as large: 8 MiB make 160 GiB so.
constexpr size_t kSmallParts = 6'000;
constexpr size_t kLargerBy = 4;
constexpr size_t kMd5Digits = 32;

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string_view bare_tag(std::string_view tag) {
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') return tag.substr(1, tag.size() - 2);
  return tag;
}

S3Writer::S3Writer(std::shared_ptr<Client> client, const std::string& name)
    : client_(std::move(client)),
      key_(client_->settings().prefix + name),
      url_(client_->settings().url + "/" + name) {}

S3Writer::~S3Writer() {
  if (upload_id_.empty() || committed_) return;
  Request abort = request("DELETE");
  abort.query = {{"uploadId", upload_id_}};
  abort.most_tries = 2;  // whoever waits has an error to be told
  // As far as it can be done; what stays is listed, and prune takes it away.
  (void)client_->call(abort);
}

Request S3Writer::request(std::string method) const {
  return {.what = "write " + url_, .method = std::move(method), .key = key_};
}

Fields S3Writer::encryption_headers() const {
  const Settings& settings = client_->settings();
  Fields headers = {{"content-type", "application/octet-stream"}};
  if (!settings.sse.empty()) headers.emplace_back("x-amz-server-side-encryption", settings.sse);
  if (!settings.sse_kms_key_id.empty())
    headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", settings.sse_kms_key_id);
  return headers;
}

size_t S3Writer::part_bytes() const {
  return client_->settings().part_bytes * (parts_.size() < kSmallParts ? 1 : kLargerBy);
}

Status S3Writer::write(std::string_view bytes) {
  size_bytes_ += static_cast<int64_t>(bytes.size());
  while (!bytes.empty()) {
    size_t size = std::min(bytes.size(), part_bytes() - pending_.size());
    if (pending_.empty()) pending_.reserve(part_bytes());
    pending_ += bytes.substr(0, size);
    bytes.remove_prefix(size);
    if (pending_.size() < part_bytes()) continue;
    if (Status sent = send_part(); !sent) return sent;
  }
  return {};
}

Status S3Writer::begin_upload() {
  Request begin = request("POST");
  begin.query = {{"uploads", ""}};
  begin.headers = encryption_headers();
  Result<Answer> answer = client_->call(begin);
  if (!answer) return fail(answer.error());
  upload_id_ = xml_text(answer->body, "InitiateMultipartUploadResult/UploadId");
  if (!upload_id_.empty()) return {};
  return fail(ErrorCode::kCorrupt,
              fmt::format("{}: the server began an upload and gave it no name; is it S3?", begin.what));
}

Status S3Writer::send_part() {
  if (upload_id_.empty()) {
    if (Status begun = begin_upload(); !begun) return begun;
  }
  if (parts_.size() == kMaxParts)
    return fail(ErrorCode::kExhausted,
                fmt::format("{} is larger than S3 takes in {} parts", url_, kMaxParts));
  Part part{"", md5(pending_)};
  Request put = request("PUT");
  put.query = {{"partNumber", std::to_string(parts_.size() + 1)}, {"uploadId", upload_id_}};
  put.headers = {{"content-md5", platform::base64_encoded(part.md5)}};
  put.body = pending_;
  Result<Answer> answer = client_->call(put);
  if (!answer) return fail(answer.error());
  if (Status same = check_tag(*answer, hex(part.md5)); !same) return same;
  part.tag = answer->head.field("etag");
  if (part.tag.empty())
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: the server took a part and gave it no tag; is it S3?", put.what));
  parts_.push_back(std::move(part));
  pending_.clear();
  return {};
}

Status S3Writer::put_whole() {
  std::string digest = md5(pending_);
  Request put = request("PUT");
  put.headers = encryption_headers();
  put.headers.emplace_back("content-md5", platform::base64_encoded(digest));
  put.body = pending_;
  Result<Answer> answer = client_->call(put);
  if (!answer) return fail(answer.error());
  return check_tag(*answer, hex(digest));
}

Status S3Writer::check_tag(const Answer& answer, const std::string& expected_hex) const {
  std::string_view tag = bare_tag(answer.head.field("etag"));
  std::string_view how = answer.head.field("x-amz-server-side-encryption");
  bool is_md5 = tag.size() == kMd5Digits && is_hex(tag) && (how.empty() || how == "AES256");
  if (!is_md5 || tag == expected_hex) return {};
  return fail(ErrorCode::kCorrupt,
              fmt::format("write {}: the server has other bytes than were sent (its MD5 is {}, not {})", url_,
                          tag, expected_hex));
}

bool S3Writer::is_there(std::string_view tag) const {
  Result<Listing> listing = list_page(*client_, key_, "");
  if (!listing) return false;
  return std::ranges::any_of(listing->objects, [&](const ListedObject& object) {
    return object.key == key_ && object.size_bytes == size_bytes_ && bare_tag(object.tag) == tag;
  });
}

// When the answer to the first try was lost, the second finds no upload any more.
Status S3Writer::complete() {
  std::string body = "<CompleteMultipartUpload>";
  std::string sums;
  for (size_t i = 0; i < parts_.size(); ++i) {
    body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", i + 1,
                        xml_escaped(parts_[i].tag));
    sums += parts_[i].md5;
  }
  body += "</CompleteMultipartUpload>";
  std::string tag = fmt::format("{}-{}", hex(md5(sums)), parts_.size());
  Request post = request("POST");
  post.query = {{"uploadId", upload_id_}};
  post.headers = {{"content-type", "application/xml"}};
  post.body = body;
  Result<Answer> answer = client_->call(post);
  if (!answer) return is_there(tag) ? Status() : fail(answer.error());
  if (!xml_text(answer->body, "CompleteMultipartUploadResult/ETag").empty()) return {};
  return is_there(tag)
             ? Status()
             : fail(ErrorCode::kCorrupt,
                    fmt::format("{}: the server says neither that it is done nor why not; is it S3?",
                                post.what));
}

Status S3Writer::commit() {
  Status done;
  if (upload_id_.empty()) {
    done = put_whole();
  } else {
    if (!pending_.empty()) done = send_part();
    if (done) done = complete();
  }
  committed_ = done.has_value();
  std::string().swap(pending_);
  return done;
}

}  // namespace keyway::backup::s3
