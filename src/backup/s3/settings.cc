#include "backup/s3/settings.h"

#include <algorithm>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::backup::s3 {

namespace {

constexpr std::string_view kScheme = "s3://";
constexpr size_t kMaxBucketBytes = 255;
constexpr size_t kMinBucketBytes = 3;
constexpr size_t kMaxPrefixBytes = 400;
constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;

tl::unexpected<Error> wrong(std::string text) { return fail(ErrorCode::kInvalidArgument, std::move(text)); }

bool is_label(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

bool is_bucket(std::string_view name) {
  auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  };
  return name.size() >= kMinBucketBytes && name.size() <= kMaxBucketBytes && name.front() != '.' &&
         std::ranges::all_of(name, letter);
}

Status take_url(const std::string& url, Settings& settings) {
  std::string_view rest = std::string_view(url).substr(kScheme.size());
  settings.bucket = rest.substr(0, rest.find('/'));
  if (!is_bucket(settings.bucket)) {
    return wrong(
        fmt::format("{}: \"{}\" is no name of a bucket; a store is s3://BUCKET or s3://BUCKET/PREFIX", url,
                    settings.bucket));
  }
  rest.remove_prefix(std::min(rest.size(), settings.bucket.size() + 1));
  while (rest.ends_with('/')) rest.remove_suffix(1);
  bool odd = rest.starts_with('/') || rest.find("//") != std::string_view::npos ||
             std::ranges::any_of(rest, [](char c) { return c == '?' || c == '#' || (c >= 0 && c < ' '); });
  if (odd || rest.size() > kMaxPrefixBytes)
    return wrong(fmt::format("{}: \"{}\" is no prefix of names of objects", url, rest));
  for (std::string_view part : split(rest, '/')) {
    if (part == "." || part == "..") return wrong(fmt::format("{}: a prefix has no part \"{}\"", url, part));
  }
  settings.url = fmt::format("{}{}{}{}", kScheme, settings.bucket, rest.empty() ? "" : "/", rest);
  settings.prefix = rest.empty() ? "" : std::string(rest) + "/";
  return {};
}

// The first that says something.
std::string first_of(std::initializer_list<std::string> texts) {
  for (const std::string& text : texts) {
    if (!text.empty()) return text;
  }
  return {};
}

std::string found(const Profile& profile, const std::string& name) {
  auto at = profile.find(name);
  return at == profile.end() ? "" : at->second;
}

Status take_places(const S3Options& options, const Environment& environment, const Profile& profile,
                   Settings& settings) {
  std::string region = first_of({options.region, environment("AWS_REGION"), environment("AWS_DEFAULT_REGION"),
                                 found(profile, "region")});
  if (!region.empty() && !is_label(region))
    return wrong(fmt::format("\"{}\" is no name of a region", region));
  if (!region.empty()) settings.region = region;
  std::string general = first_of({environment("AWS_ENDPOINT_URL"), found(profile, "endpoint_url")});
  std::string endpoint = first_of({options.endpoint_url, environment("AWS_ENDPOINT_URL_S3"), general});
  if (!endpoint.empty()) {
    Result<HttpPlace> place =
        parse_endpoint(endpoint, options.endpoint_url.empty() ? "AWS_ENDPOINT_URL" : "--endpoint-url");
    if (!place) return fail(place.error());
    settings.endpoint = *place;
  }
  std::string sts = first_of({environment("AWS_ENDPOINT_URL_STS"), general});
  if (sts.empty()) return {};
  Result<HttpPlace> place = parse_endpoint(sts, "AWS_ENDPOINT_URL_STS");
  if (!place) return fail(place.error());
  settings.sts = *place;
  return {};
}

// Only AWS is known to answer to names of buckets, and its certificates only to those without dots.
Status take_style(const S3Options& options, Settings& settings) {
  const std::string& style = options.addressing_style;
  if (!style.empty() && style != "path" && style != "virtual")
    return wrong(fmt::format("--addressing-style is \"path\" or \"virtual\", not \"{}\"", style));
  bool own = !settings.endpoint.address.empty();
  bool dotted = settings.bucket.find('.') != std::string::npos;
  settings.path_style = style.empty() ? own || dotted : style == "path";
  return {};
}

Status take_encryption(const S3Options& options, Settings& settings) {
  if (!options.sse.empty() && options.sse != "AES256" && options.sse != "aws:kms")
    return wrong(fmt::format("--sse is \"AES256\" or \"aws:kms\", not \"{}\"", options.sse));
  if (!options.sse_kms_key_id.empty() && options.sse != "aws:kms")
    return wrong("--sse-kms-key-id goes with --sse aws:kms");
  if (std::ranges::any_of(options.sse_kms_key_id, [](char c) { return c <= ' ' || c > '~'; }))
    return wrong(fmt::format("--sse-kms-key-id \"{}\" is no id of a key", options.sse_kms_key_id));
  settings.sse = options.sse;
  settings.sse_kms_key_id = options.sse_kms_key_id;
  return {};
}

std::string_view aws_domain(std::string_view region) {
  return region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

}  // namespace

std::string host_text(const HttpPlace& place) {
  uint16_t usual = place.tls ? kHttpsPort : kHttpPort;
  std::string text = keyway::to_string(place.address);
  return place.address.port == usual ? text.substr(0, text.rfind(':')) : text;
}

std::string to_string(const HttpPlace& place) {
  return (place.tls ? "https://" : "http://") + host_text(place);
}

Result<HttpPlace> parse_endpoint(const std::string& url, const std::string& name) {
  constexpr std::string_view https = "https://";
  constexpr std::string_view http = "http://";
  auto bad = [&] {
    return wrong(fmt::format("{}: \"{}\" is no URL such as https://HOST or http://HOST:PORT", name, url));
  };
  HttpPlace place;
  place.tls = url.starts_with(https);
  if (!place.tls && !url.starts_with(http)) return bad();
  std::string_view rest = std::string_view(url).substr(place.tls ? https.size() : http.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.empty() || rest.find_first_of("/@?# ") != std::string_view::npos) return bad();
  bool has_port = rest.ends_with(']') ? false : rest.find(':') != std::string_view::npos;
  std::string text(rest);
  if (!has_port) text += fmt::format(":{}", place.tls ? kHttpsPort : kHttpPort);
  std::optional<Address> address = parse_address(text);
  if (!address || address->empty()) return bad();
  place.address = *address;
  return place;
}

Result<Settings> make_settings(const std::string& url, const S3Options& options,
                               const Environment& environment) {
  Settings settings;
  Result<Profile> profile = config_profile(environment);
  Status status = profile ? take_url(url, settings) : fail(profile.error());
  if (status) status = take_places(options, environment, *profile, settings);
  if (status) status = take_style(options, settings);
  if (status) status = take_encryption(options, settings);
  if (!status) return fail(status.error());
  settings.ca_file = first_of({environment("AWS_CA_BUNDLE"), found(*profile, "ca_bundle")});
  return settings;
}

HttpPlace bucket_place(const Settings& settings, const std::string& region) {
  HttpPlace place = settings.endpoint;
  if (place.address.empty())
    place = {true, {fmt::format("s3.{}.{}", region, aws_domain(region)), kHttpsPort}};
  if (!settings.path_style) place.address.host = settings.bucket + "." + place.address.host;
  return place;
}

HttpPlace sts_place(const Settings& settings) {
  if (!settings.sts.address.empty()) return settings.sts;
  return {true, {fmt::format("sts.{}.{}", settings.region, aws_domain(settings.region)), kHttpsPort}};
}

}  // namespace keyway::backup::s3
