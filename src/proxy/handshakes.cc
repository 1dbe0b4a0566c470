#include "proxy/handshakes.h"

#include "base/log.h"

namespace keyway::proxy {

namespace {

constexpr int64_t kLogEachMs = 1000;

}  // namespace

void Handshakes::log_failure(const std::string& client, const std::string& why, int64_t now_ms) {
  if (logged_at_ms_ > 0 && now_ms - logged_at_ms_ < kLogEachMs) {
    ++not_logged_;
    return;
  }
  log_warning("a client's TLS handshake failed",
              {{"client", client}, {"why", why}, {"others_before", std::to_string(not_logged_)}});
  logged_at_ms_ = now_ms;
  not_logged_ = 0;
}

}  // namespace keyway::proxy
