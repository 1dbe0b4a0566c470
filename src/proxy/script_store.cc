#include "proxy/script_store.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace keyway::proxy {

namespace {

std::string digest_of(std::string_view script) {
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(script.data()), script.size(), digest.data());
  return hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace

void ScriptStore::keep(std::string_view script) {
  if (script.size() > std::min(kMaxScriptBytes, max_bytes_)) return;
  std::string digest = digest_of(script);
  std::lock_guard lock(mutex_);
  if (auto found = by_digest_.find(digest); found != by_digest_.end())
    return entries_.splice(entries_.begin(), entries_, found->second);
  entries_.push_front({std::move(digest), std::string(script)});
  by_digest_.emplace(entries_.front().digest, entries_.begin());
  size_bytes_ += script.size();
  if (size_bytes_ <= max_bytes_) return;
  evictions_.fetch_add(1, std::memory_order_relaxed);
  while (size_bytes_ > max_bytes_) {
    size_bytes_ -= entries_.back().script.size();
    by_digest_.erase(entries_.back().digest);
    entries_.pop_back();
  }
}

std::optional<std::string> ScriptStore::find(std::string_view digest) {
  std::string wanted = to_lower(digest);
  std::lock_guard lock(mutex_);
  auto found = by_digest_.find(wanted);
  if (found == by_digest_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->script;
}

void ScriptStore::forget_all() {
  std::lock_guard lock(mutex_);
  by_digest_.clear();
  entries_.clear();
  size_bytes_ = 0;
  flushes_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace keyway::proxy
