#include "admin/quick_sync.h"

#include "base/format.h"

namespace keyway::admin {

namespace {

constexpr const char* kDelay = "repl-diskless-sync-delay";

bool is_done(const engine::Response& response) { return response.ok() && response.replies.front().ok(); }

// The value in the reply to CONFIG GET; empty if there is none.
std::string value_in(const engine::Response& response) {
  if (!response.ok() || response.replies.front().elements.size() != 2) return "";
  return response.replies.front().elements.back().text;
}

}  // namespace

void QuickSync::begin() {
  std::vector<engine::Request> questions;
  for (const Address& primary : primaries_) questions.push_back({primary, {{"CONFIG", "GET", kDelay}}});
  std::vector<engine::Response> values = session_.servers.exchange(questions, session_.timeout_ms);
  std::vector<Delay> delays;
  std::vector<engine::Request> orders;
  for (size_t i = 0; i < primaries_.size(); ++i) {
    std::string value = value_in(values[i]);
    if (value.empty() || value == "0") continue;
    delays.push_back({primaries_[i], value});
    orders.push_back({primaries_[i], {{"CONFIG", "SET", kDelay, "0"}}});
  }
  std::vector<engine::Response> responses = session_.servers.exchange(orders, session_.timeout_ms);
  for (size_t i = 0; i < orders.size(); ++i) {
    // Without an answer it may have been done.
    if (is_done(responses[i]) || responses[i].error) changed_.push_back(std::move(delays[i]));
  }
}

void QuickSync::end() {
  std::vector<engine::Request> orders;
  for (const Delay& delay : changed_)
    orders.push_back({delay.primary, {{"CONFIG", "SET", kDelay, delay.value}}});
  std::vector<engine::Response> responses = session_.servers.exchange(orders, session_.timeout_ms);
  for (size_t i = 0; i < orders.size(); ++i) {
    if (is_done(responses[i])) continue;
    session_.reporter.warn(fmt::format("{} of {} could not be set back from 0 to {}", kDelay,
                                       to_string(changed_[i].primary), changed_[i].value));
  }
  changed_.clear();
}

}  // namespace keyway::admin
