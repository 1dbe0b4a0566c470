#include "backup/s3/client.h"

#include <algorithm>
#include <utility>

#include "backup/digest.h"
#include "backup/s3/xml_scan.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/strings.h"

namespace keyway::backup::s3 {

namespace {

constexpr size_t kMaxBodyBytes = size_t{8} << 20;  // a page of 1,000 names of 1 KiB, escaped
constexpr size_t kMaxRefusalBytes = size_t{64} << 10;
constexpr int kSuccess = 200;
constexpr int kRedirect = 300;

}  // namespace

Client::Client(Settings settings, Environment environment, std::function<bool()> interrupted)
    : settings_(std::move(settings)),
      interrupted_(std::move(interrupted)),
      caller_(settings_.ca_file, settings_.patience),
      credentials_(settings_, std::move(environment), caller_, interrupted_),
      region_(settings_.region) {}

int64_t Client::now_ms() const { return wall_ms() + clock_offset_ms_; }

int Client::most_tries(const Request& request) const {
  const Patience& patience = settings_.patience;
  return std::min(request.most_tries, answered_ ? patience.tries : patience.first_tries);
}

Asked Client::asked(const Request& request) const {
  return {.what = request.what,
          .bucket = settings_.bucket,
          .endpoint = to_string(bucket_place(settings_, region_)),
          .region = region_,
          .credentials = credentials_.source(),
          .now_ms = now_ms()};
}

Result<std::string> Client::head_of(const Request& request, const HttpPlace& place) {
  Result<Keys> keys = credentials_.keys();
  if (!keys) return fail(keys.error());
  std::string path = settings_.path_style ? "/" + settings_.bucket : "";
  if (!request.key.empty() || path.empty()) path += "/" + uri_encoded(request.key, true);
  std::string time = signature_time(now_ms());
  ToSign to_sign{.method = request.method,
                 .path = std::move(path),
                 .query = request.query,
                 .headers = request.headers,
                 .payload_sha256 = hex(sha256(request.body))};
  to_sign.headers.emplace_back("host", host_text(place));
  to_sign.headers.emplace_back("x-amz-content-sha256", to_sign.payload_sha256);
  to_sign.headers.emplace_back("x-amz-date", time);
  if (!keys->session_token.empty()) to_sign.headers.emplace_back("x-amz-security-token", keys->session_token);
  std::string query = query_text(request.query);
  std::string head =
      fmt::format("{} {}{}{} HTTP/1.1\r\n", request.method, to_sign.path, query.empty() ? "" : "?", query);
  for (const auto& [name, value] : to_sign.headers) head += fmt::format("{}: {}\r\n", name, value);
  head += fmt::format("authorization: {}\r\nuser-agent: keyway\r\nContent-Length: {}\r\n\r\n",
                      authorization(to_sign, *keys, {.region = region_}, time), request.body.size());
  return head;
}

Error Client::lost(const Error& error, const Request& request, const Tries& tries) const {
  std::string text = fmt::format("{}: {} ({})", request.what, error.message, tries.text());
  if (!answered_ && !settings_.path_style && !settings_.endpoint.address.empty())
    text += "; without --addressing-style virtual the bucket would be no part of the host's name";
  return {error.code, std::move(text)};
}

// Each of these remedies is tried once in the life of a client, so that none can go round in circles.
Status Client::settle(const Refusal& refusal, const Request& request, Tries& tries) {
  if (is_elsewhere(refusal) && !refusal.region.empty() && refusal.region != region_ &&
      !std::exchange(moved_, true)) {
    region_ = refusal.region;
    return {};
  }
  if (is_skewed(refusal) && refusal.server_ms && !std::exchange(clock_set_, true)) {
    clock_offset_ms_ = *refusal.server_ms - wall_ms();
    return {};
  }
  if (is_expired(refusal) && !std::exchange(renewed_, true) && credentials_.forget()) return {};
  if (is_passing(refusal) && tries.again(most_tries(request), refusal.retry_after_ms.value_or(0))) return {};
  Error error = error_of(refusal, asked(request));
  if (is_passing(refusal)) error.message += fmt::format(", {}", tries.text());
  return fail(std::move(error));
}

Result<std::unique_ptr<HttpAnswer>> Client::open(const Request& request, Tries& tries) {
  while (true) {
    HttpPlace place = bucket_place(settings_, region_);
    Result<std::string> head = head_of(request, place);
    if (!head) return fail(head.error());
    Result<std::unique_ptr<HttpAnswer>> answer = caller_.ask(place, *head, request.body);
    if (!answer) {
      bool hopeless = answer.error().code == ErrorCode::kInvalidArgument;
      if (!hopeless && tries.again(most_tries(request))) continue;
      return fail(lost(answer.error(), request, tries));
    }
    int status = (*answer)->head().status;
    if (status >= kSuccess && status < kRedirect) {
      answered_ = true;
      return answer;
    }
    Result<std::string> body = (*answer)->read_all(kMaxRefusalBytes);
    Refusal refusal = read_refusal((*answer)->head(), body.value_or(""));
    answered_ = answered_ || !refusal.code.empty();
    answer->reset();
    if (Status settled = settle(refusal, request, tries); !settled) return fail(settled.error());
  }
}

Result<Answer> Client::call(const Request& request) {
  Tries mine = tries();
  while (true) {
    Result<std::unique_ptr<HttpAnswer>> opened = open(request, mine);
    if (!opened) return fail(opened.error());
    Result<std::string> body = (*opened)->read_all(kMaxBodyBytes);
    if (!body) {
      if (body.error().code != ErrorCode::kExhausted && mine.again(most_tries(request))) continue;
      return fail(lost(body.error(), request, mine));
    }
    Answer answer{(*opened)->head(), std::move(*body)};
    if (answer.body.empty() || xml_text(answer.body, "Error/Code").empty()) return answer;
    opened->reset();
    Refusal refusal = read_refusal(answer.head, answer.body);
    if (Status settled = settle(refusal, request, mine); !settled) return fail(settled.error());
  }
}

std::string range_from(int64_t from_bytes) { return fmt::format("bytes={}-", from_bytes); }

}  // namespace keyway::backup::s3
