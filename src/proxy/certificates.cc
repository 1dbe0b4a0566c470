#include "proxy/certificates.h"

#include <sys/stat.h>

#include <string_view>
#include <utility>

#include "base/format.h"
#include "base/log.h"

namespace keyway::proxy {

namespace {

using Context = std::shared_ptr<const engine::TlsContext>;

template <typename Options>
Result<Context> make(std::string_view side, bool enabled, const Options& options) {
  if (!enabled) return Context();
  Result<Context> made = engine::TlsContext::make(options);
  if (made) return made;
  return fail(made.error().code, fmt::format("TLS {}: {}", side, made.error().message));
}

std::string render(std::string_view name, std::string_view type, std::string_view help) {
  return fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

}  // namespace

Certificates::Certificates(TlsSettings settings, Board& board)
    : settings_(std::move(settings)), board_(board) {}

std::vector<Certificates::Stamp> Certificates::stamps(const TlsSettings& settings) {
  constexpr int64_t kNsInSecond = 1'000'000'000;
  std::vector<Stamp> found;
  const engine::TlsListenOptions& clients = settings.clients;
  const engine::TlsOptions& servers = settings.servers;
  for (const std::string* path :
       {&clients.certificate_file, &clients.key_file, &clients.ca_file, &servers.ca_file, &servers.ca_folder,
        &servers.certificate_file, &servers.key_file}) {
    Stamp& stamp = found.emplace_back();
    struct stat info{};
    if (path->empty() || ::stat(path->c_str(), &info) != 0) continue;
    stamp = {info.st_dev, info.st_ino, info.st_size,
             info.st_mtim.tv_sec * kNsInSecond + info.st_mtim.tv_nsec};
  }
  return found;
}

Status Certificates::read(const TlsSettings& settings) {
  Result<Context> clients = make("for clients", settings.clients.enabled(), settings.clients);
  if (!clients) return fail(clients.error());
  Result<Context> servers = make("to servers", settings.servers.enabled, settings.servers);
  if (!servers) return fail(servers.error());
  board_.set_tls(*clients, *servers);
  return {};
}

Status Certificates::load() {
  std::lock_guard lock(mutex_);
  return load_locked(settings_);
}

Status Certificates::load(const TlsSettings& settings) {
  std::lock_guard lock(mutex_);
  Status done = load_locked(settings);
  if (done) {
    settings_ = settings;
  } else {
    stamps_ = stamps(settings_);
  }
  return done;
}

Status Certificates::load_locked(const TlsSettings& settings) {
  if (!settings.enabled() && !settings_.enabled()) return {};
  bool first = stamps_.empty();
  // Before the files are read, so that a change meanwhile is seen the next time.
  stamps_ = stamps(settings);
  Status done = read(settings);
  if (done) {
    ++loads_;
    if (!first) log_info("the certificates have been read again");
  } else {
    ++failures_;
    if (!first)
      log_error("the certificates cannot be used; the former ones stay", {{"why", done.error().message}});
  }
  return done;
}

void Certificates::look() {
  std::lock_guard lock(mutex_);
  if (!settings_.enabled() || stamps(settings_) == stamps_) return;
  // What failed is in the log and in the metrics.
  [[maybe_unused]] Status done = load_locked(settings_);
}

std::string Certificates::metrics() const {
  {
    std::lock_guard lock(mutex_);
    if (!settings_.enabled()) return "";
  }
  constexpr std::string_view kLoads = "keyway_proxy_certificate_loads_total";
  constexpr std::string_view kFailures = "keyway_proxy_certificate_failures_total";
  constexpr std::string_view kExpiry = "keyway_proxy_certificate_expiry_seconds";
  std::string text = render(kLoads, "counter", "Times that the certificates were read and taken into use");
  text += fmt::format("{} {}\n", kLoads, loads_.load());
  text += render(kFailures, "counter", "Times that they were read and could not be used");
  text += fmt::format("{} {}\n", kFailures, failures_.load());
  text += render(kExpiry, "gauge", "Unix time at which the certificate in use expires");
  Board::News news = board_.news();
  for (auto& [side, context] :
       {std::pair{"clients", news.client_tls}, std::pair{"servers", news.server_tls}}) {
    if (context == nullptr || !context->expires_at_s()) continue;
    text += fmt::format("{}{{side=\"{}\"}} {}\n", kExpiry, side, *context->expires_at_s());
  }
  return text;
}

}  // namespace keyway::proxy
