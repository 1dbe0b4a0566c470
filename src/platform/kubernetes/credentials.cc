#include "platform/kubernetes/credentials.h"

#include <sys/stat.h>

#include "base/format.h"
#include "base/log.h"
#include "base/strings.h"
#include "platform/local/files.h"

namespace keyway::platform::kubernetes {

namespace {

// Tokens of pods are renewed after four fifths of their life, of 10 min at least.
constexpr auto kReadAgainAfter = std::chrono::seconds(10);
constexpr size_t kMaxTokenBytes = 64 << 10;
constexpr int64_t kPluginTimeoutMs = 120'000;
// What expires so soon has expired, by the time that it arrives.
constexpr int64_t kExpiryMarginMs = 10'000;

int64_t unix_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace

Result<std::string> Credentials::head_lines() {
  Result<std::string> shown = token();
  if (!shown) return shown;
  std::string lines;
  if (!shown->empty()) lines += fmt::format("Authorization: Bearer {}\r\n", *shown);
  if (!config_.as_user.empty()) lines += fmt::format("Impersonate-User: {}\r\n", config_.as_user);
  for (const std::string& group : config_.as_groups) lines += fmt::format("Impersonate-Group: {}\r\n", group);
  return lines;
}

Result<std::string> Credentials::token() {
  if (!config_.token_file.empty()) return file_token();
  if (!config_.exec) return config_.token;
  if (Status fresh = refresh_plugin(); !fresh) return fail(fresh.error());
  return given_->token;
}

Result<std::string> Credentials::file_token() {
  Clock::time_point now = Clock::now();
  if (!file_token_.empty() && read_at_ != Clock::time_point() && now - read_at_ < kReadAgainAfter)
    return file_token_;
  Result<std::string> text = local::read_file(config_.token_file, kMaxTokenBytes);
  std::string token(text ? trim(*text) : "");
  if (!token.empty() && token.find_first_of("\r\n") == std::string::npos) {
    file_token_ = std::move(token);
    read_at_ = now;
    return file_token_;
  }
  // While it is being replaced, the former one may still do.
  if (!file_token_.empty()) return file_token_;
  if (!text) return fail(text.error());
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("the token file {} holds no token", config_.token_file));
}

Status Credentials::refresh_plugin() {
  bool fresh =
      given_ != nullptr && (!given_->expires_at_ms || unix_ms() + kExpiryMarginMs < *given_->expires_at_ms);
  if (fresh) return {};
  Result<ExecCredential> given = run_exec_plugin(config_, kPluginTimeoutMs);
  if (!given) return fail(given.error());
  plugin_tls_new_ = plugin_tls_new_ || given->certificate_text != config_.tls.certificate_text;
  if (!given->certificate_text.empty()) {
    config_.tls.certificate_text = given->certificate_text;
    config_.tls.key_text = given->key_text;
  }
  given_ = std::make_unique<ExecCredential>(std::move(*given));
  return {};
}

bool Credentials::refused() {
  read_at_ = {};
  given_.reset();
  return !config_.token_file.empty() || config_.exec.has_value();
}

std::vector<Credentials::Stamp> Credentials::stamps() const {
  std::vector<Stamp> stamps;
  for (const std::string* path :
       {&config_.tls.ca_file, &config_.tls.certificate_file, &config_.tls.key_file}) {
    struct stat info{};
    Stamp stamp;
    if (!path->empty() && ::stat(path->c_str(), &info) == 0) {
      constexpr int64_t ns_per_s = 1'000'000'000;
      stamp = {info.st_ino, info.st_size, info.st_mtim.tv_sec * ns_per_s + info.st_mtim.tv_nsec};
    }
    stamps.push_back(stamp);
  }
  return stamps;
}

Result<std::shared_ptr<const engine::TlsContext>> Credentials::tls() {
  if (!config_.tls.enabled) return std::shared_ptr<const engine::TlsContext>();
  std::vector<Stamp> now = stamps();
  if (tls_ != nullptr && now == stamps_ && !plugin_tls_new_) return tls_;
  auto made = engine::TlsContext::make(config_.tls);
  if (!made && tls_ == nullptr)
    return fail(made.error().code, fmt::format("{}: {}", config_.source, made.error().message));
  stamps_ = std::move(now);
  plugin_tls_new_ = false;
  if (made)
    tls_ = *made;
  else
    log_warning("the former certificates stay in use", {{"why", made.error().message}});
  return tls_;
}

}  // namespace keyway::platform::kubernetes
