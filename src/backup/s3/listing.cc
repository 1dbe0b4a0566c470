#include "backup/s3/listing.h"

#include <utility>

#include "backup/s3/xml_scan.h"
#include "base/format.h"
#include "base/strings.h"
#include "platform/kubernetes/time_text.h"

namespace keyway::backup::s3 {

namespace {

int64_t time_ms(std::string_view text) {
  return platform::kubernetes::parse_time_us(trim(text)).value_or(0) / 1000;
}

Error not_a_list(const Client& client, const Request& request, const Answer& answer) {
  constexpr size_t told_bytes = 80;
  std::string begin(answer.body.substr(0, told_bytes));
  for (char& c : begin) c = c < ' ' || c > '~' ? ' ' : c;
  std::string endpoint = to_string(bucket_place(client.settings(), client.settings().region));
  return {
      ErrorCode::kCorrupt,
      fmt::format("{}: {} answered with what is no list (\"{}\"); is it an S3 endpoint? --endpoint-url or "
                  "AWS_ENDPOINT_URL_S3 names it",
                  request.what, endpoint, begin)};
}

}  // namespace

Result<Listing> parse_listing(std::string_view document) {
  Listing listing;
  ListedObject object;
  bool truncated = false;
  bool is_list = false;
  Status scanned = scan_xml(document, [&](std::string_view path, const std::string& text) {
    constexpr std::string_view root = "ListBucketResult";
    if (!path.starts_with(root)) return;
    std::string_view rest = path.substr(root.size());
    if (rest.empty()) is_list = true;
    if (rest == "/IsTruncated") truncated = trim(text) == "true";
    if (rest == "/NextContinuationToken") listing.next = text;
    if (rest == "/Contents/Key") object.key = text;
    if (rest == "/Contents/ETag") object.tag = trim(text);
    if (rest == "/Contents/Size") object.size_bytes = parse_int(trim(text)).value_or(-1);
    if (rest == "/Contents/LastModified") object.changed_ms = time_ms(text);
    if (rest == "/Contents") listing.objects.push_back(std::exchange(object, {}));
  });
  if (!scanned) return fail(scanned.error());
  if (!is_list || (truncated && listing.next.empty()))
    return fail(ErrorCode::kCorrupt, "no list of a bucket");
  if (!truncated) listing.next.clear();
  return listing;
}

Result<Listing> list_page(Client& client, const std::string& prefix, const std::string& next) {
  Request request{.what = "list " + client.settings().url, .query = {{"list-type", "2"}, {"prefix", prefix}}};
  if (!next.empty()) request.query.emplace_back("continuation-token", next);
  Result<Answer> answer = client.call(request);
  if (!answer) return fail(answer.error());
  Result<Listing> listing = parse_listing(answer->body);
  return listing ? listing : fail(not_a_list(client, request, *answer));
}

Result<UploadListing> parse_uploads(std::string_view document) {
  UploadListing listing;
  Upload upload;
  bool truncated = false;
  bool is_list = false;
  Status scanned = scan_xml(document, [&](std::string_view path, const std::string& text) {
    constexpr std::string_view root = "ListMultipartUploadsResult";
    if (!path.starts_with(root)) return;
    std::string_view rest = path.substr(root.size());
    if (rest.empty()) is_list = true;
    if (rest == "/IsTruncated") truncated = trim(text) == "true";
    if (rest == "/NextKeyMarker") listing.next_key = text;
    if (rest == "/NextUploadIdMarker") listing.next_id = text;
    if (rest == "/Upload/Key") upload.key = text;
    if (rest == "/Upload/UploadId") upload.id = trim(text);
    if (rest == "/Upload/Initiated") upload.begun_ms = time_ms(text);
    if (rest == "/Upload") listing.uploads.push_back(std::exchange(upload, {}));
  });
  if (!scanned) return fail(scanned.error());
  if (!is_list) return fail(ErrorCode::kCorrupt, "no list of uploads");
  if (!truncated) listing.next_key.clear();
  return listing;
}

Result<std::vector<Upload>> list_uploads(Client& client, const std::string& prefix, size_t most) {
  std::vector<Upload> uploads;
  UploadListing page;
  do {
    Request request{.what = "list uploads to " + client.settings().url,
                    .query = {{"uploads", ""}, {"prefix", prefix}}};
    if (!page.next_key.empty()) {
      request.query.emplace_back("key-marker", page.next_key);
      request.query.emplace_back("upload-id-marker", page.next_id);
    }
    Result<Answer> answer = client.call(request);
    // What cannot be listed is left to the bucket's own rules.
    if (!answer)
      return answer.error().code == ErrorCode::kUnavailable ? fail(answer.error())
                                                            : Result<std::vector<Upload>>(uploads);
    Result<UploadListing> listing = parse_uploads(answer->body);
    if (!listing) return uploads;
    page = std::move(*listing);
    for (Upload& upload : page.uploads) uploads.push_back(std::move(upload));
  } while (!page.next_key.empty() && uploads.size() < most);
  return uploads;
}

}  // namespace keyway::backup::s3
