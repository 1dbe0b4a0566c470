#include "platform/kubernetes/api_error.h"

#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/strings.h"

namespace keyway::platform::kubernetes {

namespace {

using Json = nlohmann::json;

constexpr size_t kToldBytes = 200;
constexpr size_t kMaxCauses = 32;

std::string text_at(const Json& json, const char* name) {
  auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json* object_at(const Json& json, const char* name) {
  auto found = json.find(name);
  return found != json.end() && found->is_object() ? &*found : nullptr;
}

ApiCode code_of_status(int status) {
  switch (status) {
    case 401:
      return ApiCode::kUnauthorized;
    case 403:
      return ApiCode::kForbidden;
    case 404:
      return ApiCode::kNotFound;
    case 409:
      return ApiCode::kConflict;
    case 410:
      return ApiCode::kGone;
    case 422:
      return ApiCode::kInvalid;
    case 429:
      return ApiCode::kTooManyRequests;
    default:
      return status >= 500 ? ApiCode::kServerError : ApiCode::kBadRequest;
  }
}

// Where a status of HTTP has more than one meaning, the server's word decides. 504 with "Timeout" and 500
// with "ServerTimeout" are errors that pass, as every kServerError is.
ApiCode code_of(int status, std::string_view reason) {
  if (reason == "AlreadyExists") return ApiCode::kAlreadyExists;
  if (reason == "Expired" || reason == "Gone") return ApiCode::kGone;
  return code_of_status(status);
}

void read_details(const Json& details, ApiError& error) {
  auto seconds = details.find("retryAfterSeconds");
  if (seconds != details.end() && seconds->is_number_integer()) {
    constexpr int64_t longest_s = 24 * 3600;
    int64_t value = seconds->get<int64_t>();
    if (value > 0) error.retry_after_ms = std::min(value, longest_s) * 1000;
  }
  auto causes = details.find("causes");
  if (causes == details.end() || !causes->is_array()) return;
  for (const Json& cause : *causes) {
    if (!cause.is_object() || error.causes.size() == kMaxCauses) continue;
    error.causes.push_back({text_at(cause, "field"), text_at(cause, "reason"), text_at(cause, "message")});
  }
}

ApiError from_json(const Json& json, int status, std::string_view what) {
  ApiError error;
  auto code = json.find("code");
  bool coded = code != json.end() && code->is_number_integer();
  error.status = status != 0 ? status : coded ? code->get<int>() : 0;
  error.reason = text_at(json, "reason");
  error.code = code_of(error.status, error.reason);
  if (const Json* details = object_at(json, "details")) read_details(*details, error);
  std::string said = text_at(json, "message");
  if (said.empty()) said = error.reason;
  if (said.empty()) said = fmt::format("it answered with status {}", error.status);
  error.message = fmt::format("{}: {}", what, said);
  return error;
}

}  // namespace

std::string_view to_string(ApiCode code) {
  switch (code) {
    case ApiCode::kNotFound:
      return "not found";
    case ApiCode::kAlreadyExists:
      return "already exists";
    case ApiCode::kConflict:
      return "conflict";
    case ApiCode::kGone:
      return "gone";
    case ApiCode::kInvalid:
      return "invalid";
    case ApiCode::kBadRequest:
      return "bad request";
    case ApiCode::kUnauthorized:
      return "unauthorized";
    case ApiCode::kForbidden:
      return "forbidden";
    case ApiCode::kTooManyRequests:
      return "too many requests";
    case ApiCode::kServerError:
      return "server error";
    case ApiCode::kUnreachable:
      return "unreachable";
    case ApiCode::kLost:
      return "lost";
    case ApiCode::kTimeout:
      return "timeout";
    case ApiCode::kMalformed:
      return "malformed";
  }
  return "?";
}

Error to_error(const ApiError& error) {
  switch (error.code) {
    case ApiCode::kNotFound:
      return {ErrorCode::kNotFound, error.message};
    case ApiCode::kAlreadyExists:
      return {ErrorCode::kAlreadyExists, error.message};
    case ApiCode::kConflict:
    case ApiCode::kGone:
      return {ErrorCode::kConflict, error.message};
    case ApiCode::kInvalid:
    case ApiCode::kBadRequest:
      return {ErrorCode::kInvalidArgument, error.message};
    case ApiCode::kUnauthorized:
    case ApiCode::kForbidden:
      return {ErrorCode::kDenied, error.message};
    case ApiCode::kTooManyRequests:
    case ApiCode::kServerError:
    case ApiCode::kUnreachable:
    case ApiCode::kLost:
      return {ErrorCode::kUnavailable, error.message};
    case ApiCode::kTimeout:
      return {ErrorCode::kTimeout, error.message};
    case ApiCode::kMalformed:
      return {ErrorCode::kCorrupt, error.message};
  }
  return {ErrorCode::kInternal, error.message};
}

bool is_passing(const ApiError& error) {
  switch (error.code) {
    case ApiCode::kTooManyRequests:
    case ApiCode::kServerError:
    case ApiCode::kUnreachable:
    case ApiCode::kLost:
    case ApiCode::kTimeout:
      return true;
    default:
      return false;
  }
}

ApiError refusal_of(int status, std::string_view body, std::string_view what) {
  Json json = Json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_object() && text_at(json, "kind") == "Status") return from_json(json, status, what);
  ApiError error;
  error.code = code_of_status(status);
  error.status = status;
  std::string_view said = trim(body.substr(0, kToldBytes));
  error.message =
      fmt::format("{}: it answered with status {}{}{}", what, status, said.empty() ? "" : ": ", said);
  return error;
}

ApiError refusal_of(std::string_view status_object, std::string_view what) {
  Json json = Json::parse(status_object.begin(), status_object.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_object()) return from_json(json, 0, what);
  return {.code = ApiCode::kMalformed,
          .message =
              fmt::format("{}: an error that cannot be read: {}", what, status_object.substr(0, kToldBytes))};
}

}  // namespace keyway::platform::kubernetes
