#include "backup/s3/credentials.h"

#include <utility>

#include "backup/s3/refusal.h"
#include "backup/s3/tries.h"
#include "backup/s3/xml_scan.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/strings.h"
#include "platform/kubernetes/time_text.h"
#include "platform/local/files.h"

namespace keyway::backup::s3 {

namespace {

constexpr size_t kMaxTokenBytes = size_t{64} << 10;
constexpr size_t kMaxAnswerBytes = size_t{256} << 10;
constexpr int64_t kRenewBeforeMs = 5 * 60'000;
constexpr int kOk = 200;

// What stands in a header must not end it.
bool is_plain(std::string_view text) {
  for (char c : text) {
    if (c <= ' ' || c > '~') return false;
  }
  return true;
}

Status check(const Keys& keys, const std::string& source) {
  if (is_plain(keys.access_key_id) && is_plain(keys.secret) && is_plain(keys.session_token)) return {};
  return fail(ErrorCode::kDenied, fmt::format("a key in {} has a character that keys do not have", source));
}

}  // namespace

Credentials::Credentials(const Settings& settings, Environment environment, HttpCaller& caller,
                         std::function<bool()> interrupted)
    : settings_(settings),
      environment_(std::move(environment)),
      caller_(caller),
      interrupted_(std::move(interrupted)) {}

Result<Keys> Credentials::keys() {
  if (keys_ && (renew_at_ms_ == 0 || wall_ms() < renew_at_ms_)) return *keys_;
  Result<Keys> found = find();
  if (!found) return found;
  if (Status plain = check(*found, source_); !plain) return fail(plain.error());
  keys_ = *found;
  return found;
}

bool Credentials::forget() {
  bool from_environment = !environment_("AWS_ACCESS_KEY_ID").empty();
  if (from_environment || !keys_) return false;
  keys_.reset();
  return true;
}

Result<Keys> Credentials::find() {
  Keys keys{environment_("AWS_ACCESS_KEY_ID"), environment_("AWS_SECRET_ACCESS_KEY"),
            environment_("AWS_SESSION_TOKEN")};
  if (!keys.access_key_id.empty()) {
    source_ = fmt::format("AWS_ACCESS_KEY_ID ({})", keys.access_key_id);
    if (keys.secret.empty())
      return fail(ErrorCode::kDenied, "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
    return keys;
  }
  if (!environment_("AWS_WEB_IDENTITY_TOKEN_FILE").empty()) return ask_sts();
  return from_file();
}

Result<Keys> Credentials::from_file() {
  Result<Profile> profile = credentials_profile(environment_);
  if (!profile) return fail(profile.error());
  std::string name = profile_name(environment_);
  std::string path = credentials_path(environment_);
  const Profile& values = *profile;
  auto value = [&](const char* key) {
    auto found = values.find(key);
    return found == values.end() ? std::string() : found->second;
  };
  Keys keys{value("aws_access_key_id"), value("aws_secret_access_key"), value("aws_session_token")};
  if (keys.access_key_id.empty() || keys.secret.empty()) {
    return fail(
        ErrorCode::kDenied,
        fmt::format("{}: there are no credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
                    "nor AWS_WEB_IDENTITY_TOKEN_FILE are set, and {} has no keys for profile \"{}\"",
                    settings_.url, path, name));
  }
  source_ = fmt::format("profile \"{}\" of {} ({})", name, path, keys.access_key_id);
  return keys;
}

Result<Keys> Credentials::ask_sts() {
  std::string file = environment_("AWS_WEB_IDENTITY_TOKEN_FILE");
  std::string role = environment_("AWS_ROLE_ARN");
  source_ = fmt::format("role {} by the token in {}", role, file);
  if (role.empty())
    return fail(ErrorCode::kDenied, "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
  Result<std::string> token = platform::local::read_file(file, kMaxTokenBytes);
  if (!token)
    return fail(ErrorCode::kDenied, fmt::format("AWS_WEB_IDENTITY_TOKEN_FILE: {}", token.error().message));
  std::string session = environment_("AWS_ROLE_SESSION_NAME");
  HttpPlace place = sts_place(settings_);
  std::string body = query_text({{"Action", "AssumeRoleWithWebIdentity"},
                                 {"Version", "2011-06-15"},
                                 {"RoleArn", role},
                                 {"RoleSessionName", session.empty() ? "keyway-backup" : session},
                                 {"WebIdentityToken", std::string(trim(*token))}});
  std::string head = fmt::format(
      "POST / HTTP/1.1\r\nhost: {}\r\nuser-agent: keyway\r\naccept: application/xml\r\ncontent-type: "
      "application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
      host_text(place), body.size());
  Asked asked{.what = fmt::format("credentials for {}", settings_.url),
              .bucket = settings_.bucket,
              .endpoint = to_string(place),
              .region = settings_.region,
              .credentials = source_,
              .now_ms = wall_ms()};
  Tries tries(settings_.patience, interrupted_);
  while (true) {
    Result<std::unique_ptr<HttpAnswer>> answer = caller_.ask(place, head, body);
    Result<std::string> text = answer ? (*answer)->read_all(kMaxAnswerBytes) : fail(answer.error());
    if (text && (*answer)->head().status == kOk) {
      Result<StsKeys> given = read_sts_answer(*text);
      if (!given)
        return fail(given.error().code, fmt::format("{}: {}", asked.endpoint, given.error().message));
      renew_at_ms_ = given->ends_ms - kRenewBeforeMs;
      return given->keys;
    }
    Refusal refusal = text ? read_refusal((*answer)->head(), *text) : Refusal{};
    bool again = (!text || is_passing(refusal)) && tries.again(settings_.patience.tries);
    if (again) continue;
    if (!text) return fail(text.error().code, fmt::format("{}: {}", asked.what, text.error().message));
    Error error = error_of(refusal, asked);
    return fail(error.code == ErrorCode::kInternal ? ErrorCode::kDenied : error.code, error.message);
  }
}

Result<StsKeys> read_sts_answer(std::string_view document) {
  std::string at = "AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials/";
  StsKeys given;
  std::string ends;
  Status scanned = scan_xml(document, [&](std::string_view path, const std::string& text) {
    if (path == at + "AccessKeyId") given.keys.access_key_id = trim(text);
    if (path == at + "SecretAccessKey") given.keys.secret = trim(text);
    if (path == at + "SessionToken") given.keys.session_token = trim(text);
    if (path == at + "Expiration") ends = trim(text);
  });
  std::optional<int64_t> ends_us = platform::kubernetes::parse_time_us(ends);
  bool whole = scanned && !given.keys.access_key_id.empty() && !given.keys.secret.empty() && ends_us;
  if (!whole)
    return fail(ErrorCode::kCorrupt, "what it answers is none of STS's; AWS_ENDPOINT_URL_STS names it");
  given.ends_ms = *ends_us / 1000;
  return given;
}

}  // namespace keyway::backup::s3
