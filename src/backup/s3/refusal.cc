#include "backup/s3/refusal.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "backup/s3/signature.h"
#include "backup/s3/xml_scan.h"
#include "base/format.h"
#include "base/strings.h"
#include "platform/kubernetes/time_text.h"

namespace keyway::backup::s3 {

namespace {

constexpr size_t kToldBytes = 100;
constexpr int kTooManyRequests = 429;
constexpr int kServerErrors = 500;
constexpr int kNotImplemented = 501;
constexpr int kInsufficientStorage = 507;
constexpr int kForbidden = 403;
constexpr int kUnauthorized = 401;

bool is_one_of(std::string_view code, std::initializer_list<std::string_view> codes) {
  return std::ranges::find(codes, code) != codes.end();
}

// Letters that a terminal takes as they are.
std::string printable(std::string_view text) {
  std::string out(text.substr(0, kToldBytes));
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, ' ');
  return out;
}

// What is to be done, after "s3://bucket: ".
struct Remedy {
  std::string_view code;
  ErrorCode error;
  std::string_view text;  // {0}: bucket, {1}: endpoint, {2}: credentials, {3}: region
};

constexpr std::array kRemedies = std::to_array<Remedy>({
    {"NoSuchBucket", ErrorCode::kNotFound,
     "{1} has no bucket \"{0}\"; make it first, or correct its name or --endpoint-url"},
    {"InvalidBucketName", ErrorCode::kInvalidArgument, "{1} takes \"{0}\" for no name of a bucket"},
    {"NoSuchKey", ErrorCode::kNotFound, "there is no such object"},
    {"NoSuchUpload", ErrorCode::kNotFound, "its upload was aborted meanwhile"},
    {"AccessDenied", ErrorCode::kDenied,
     "access is denied to {2}; they need s3:ListBucket and s3:ListBucketMultipartUploads for bucket \"{0}\", "
     "and s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload for what is in it"},
    {"AllAccessDisabled", ErrorCode::kDenied, "all access to bucket \"{0}\" is disabled"},
    {"InvalidAccessKeyId", ErrorCode::kDenied, "{1} does not know the access key of {2}"},
    {"SignatureDoesNotMatch", ErrorCode::kDenied,
     "the secret key does not fit the access key: check {2}; behind a proxy that alters requests, go round "
     "it"},
    {"ExpiredToken", ErrorCode::kDenied, "the session of {2} has ended; get new credentials"},
    {"TokenRefreshRequired", ErrorCode::kDenied, "the session of {2} has ended; get new credentials"},
    {"InvalidToken", ErrorCode::kDenied, "the session token of {2} is not taken; get new credentials"},
    {"PermanentRedirect", ErrorCode::kInvalidArgument,
     "bucket \"{0}\" is not in region {3}; name its region by --region or AWS_REGION"},
    {"AuthorizationHeaderMalformed", ErrorCode::kInvalidArgument,
     "it is not signed as {1} wants it, perhaps for another region than {3}; name it by --region or "
     "AWS_REGION"},
    {"IllegalLocationConstraintException", ErrorCode::kInvalidArgument,
     "bucket \"{0}\" is not in region {3}; name its region by --region or AWS_REGION"},
    {"QuotaExceeded", ErrorCode::kExhausted, "the quota of bucket \"{0}\" is used up"},
    {"XMinioStorageFull", ErrorCode::kExhausted, "{1} has no room left"},
    {"EntityTooLarge", ErrorCode::kExhausted, "the object is larger than {1} takes"},
    {"PreconditionFailed", ErrorCode::kCorrupt, "the object was replaced while it was read"},
    {"InvalidRange", ErrorCode::kCorrupt, "the object is shorter than it was"},
    {"NotImplemented", ErrorCode::kUnsupported, "{1} cannot do this"},
    {"KMS.NotFoundException", ErrorCode::kInvalidArgument, "there is no such key: correct --sse-kms-key-id"},
    {"KMS.DisabledException", ErrorCode::kDenied, "the key that --sse-kms-key-id names is disabled"},
});

std::string time_text(std::optional<int64_t> unix_ms) {
  return unix_ms ? platform::kubernetes::time_text_s(*unix_ms / 1000) : "an unknown time";
}

// What the server itself says, for those who look further.
std::string said(const Refusal& refusal) {
  std::string text = fmt::format("{} {}", refusal.status, refusal.code);
  if (!refusal.message.empty()) text += fmt::format(": {}", printable(refusal.message));
  if (!refusal.request_id.empty()) text += fmt::format(", request {}", printable(refusal.request_id));
  return text;
}

Error not_s3(const Refusal& refusal, const Asked& asked) {
  bool denied = refusal.status == kForbidden || refusal.status == kUnauthorized;
  bool passing = is_passing(refusal);
  ErrorCode code = denied ? ErrorCode::kDenied : passing ? ErrorCode::kUnavailable : ErrorCode::kCorrupt;
  std::string type = refusal.content_type.empty() ? "no type" : printable(refusal.content_type);
  return {code, fmt::format("{}: {} answered {} with {} (\"{}\"), which S3 would not; is {} an S3 endpoint? "
                            "--endpoint-url or AWS_ENDPOINT_URL_S3 names it",
                            asked.what, asked.endpoint, refusal.status, type, refusal.begin, asked.endpoint)};
}

}  // namespace

std::optional<int64_t> parse_http_date_ms(std::string_view text) {
  constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  constexpr size_t words_count = 6;
  std::vector<std::string_view> words = split_blanks(text);
  if (words.size() != words_count) return std::nullopt;
  auto month = std::ranges::find(months, words[2]);
  if (month == months.end()) return std::nullopt;
  std::string day = words[1].size() == 1 ? fmt::format("0{}", words[1]) : std::string(words[1]);
  std::optional<int64_t> us = platform::kubernetes::parse_time_us(
      fmt::format("{}-{:02}-{}T{}Z", words[3], month - months.begin() + 1, day, words[4]));
  return us ? std::optional(*us / 1000) : std::nullopt;
}

Refusal read_refusal(const platform::HttpHead& head, std::string_view body) {
  Refusal refusal;
  refusal.status = head.status;
  refusal.content_type = head.content_type;
  refusal.region = head.field("x-amz-bucket-region");
  refusal.request_id = head.field("x-amz-request-id");
  refusal.server_ms = parse_http_date_ms(head.field("date"));
  if (head.retry_after_s) refusal.retry_after_ms = *head.retry_after_s * 1000;
  std::string region;
  Status scanned = scan_xml(body, [&](std::string_view path, const std::string& text) {
    // STS puts it a level deeper.
    if (path == "Error/Code" || path == "ErrorResponse/Error/Code") refusal.code = trim(text);
    if (path == "Error/Message" || path == "ErrorResponse/Error/Message") refusal.message = trim(text);
    if (path == "Error/Region") region = trim(text);
    if (path == "Error/RequestId" && refusal.request_id.empty()) refusal.request_id = trim(text);
  });
  if (!scanned) refusal.code.clear();
  if (scanned && !region.empty()) refusal.region = region;
  if (refusal.code.empty()) refusal.begin = printable(trim(body));
  return refusal;
}

bool is_passing(const Refusal& refusal) {
  if (is_one_of(refusal.code,
                {"SlowDown", "InternalError", "ServiceUnavailable", "Throttling", "RequestLimitExceeded",
                 "ThrottlingException", "RequestTimeout", "OperationAborted", "BadDigest", "IncompleteBody",
                 "XAmzContentSHA256Mismatch", "IDPCommunicationError"}))
    return true;
  bool error = refusal.status >= kServerErrors && refusal.status != kNotImplemented &&
               refusal.status != kInsufficientStorage;
  return error || refusal.status == kTooManyRequests;
}

bool is_expired(const Refusal& refusal) {
  return is_one_of(refusal.code, {"ExpiredToken", "TokenRefreshRequired", "InvalidToken"});
}

bool is_elsewhere(const Refusal& refusal) {
  return is_one_of(refusal.code, {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed",
                                  "IllegalLocationConstraintException"});
}

bool is_skewed(const Refusal& refusal) { return refusal.code == "RequestTimeTooSkewed"; }

Error error_of(const Refusal& refusal, const Asked& asked) {
  if (refusal.status == kInsufficientStorage)
    return {ErrorCode::kExhausted,
            fmt::format("{}: {} has no room left ({})", asked.what, asked.endpoint, said(refusal))};
  if (refusal.code.empty()) return not_s3(refusal, asked);
  if (is_skewed(refusal)) {
    return {
        ErrorCode::kDenied,
        fmt::format("{}: the clocks differ by too much: here it is {}, at {} {}; set the one that is wrong",
                    asked.what, time_text(asked.now_ms), asked.endpoint, time_text(refusal.server_ms))};
  }
  const auto* remedy = std::ranges::find(kRemedies, refusal.code, &Remedy::code);
  if (remedy != kRemedies.end()) {
    std::string text = fmt::format(fmt::runtime(remedy->text), asked.bucket, asked.endpoint,
                                   asked.credentials, asked.region);
    if (is_elsewhere(refusal) && !refusal.region.empty())
      text += fmt::format(": {}", printable(refusal.region));
    return {remedy->error, fmt::format("{}: {} ({})", asked.what, text, said(refusal))};
  }
  ErrorCode code = ErrorCode::kInternal;
  if (is_passing(refusal)) code = ErrorCode::kUnavailable;
  if (refusal.status == kForbidden || refusal.status == kUnauthorized) code = ErrorCode::kDenied;
  return {code, fmt::format("{}: {} refuses it with {}", asked.what, asked.endpoint, said(refusal))};
}

}  // namespace keyway::backup::s3
