#include "proxy/script_notes.h"

#include <functional>

namespace keyway::proxy {

namespace {

constexpr size_t kDigestLength = 40;

}  // namespace

void ScriptNotes::keep(std::string_view script) {
  if (evictions_ != store_.evictions() || flushes_ != store_.flushes()) {
    evictions_ = store_.evictions();
    flushes_ = store_.flushes();
    scripts_.fill(0);
  }
  uint64_t hash = std::hash<std::string_view>{}(script);
  uint64_t& place = scripts_[hash % kScripts];
  if (place == hash) return;
  place = hash;
  store_.keep(script);
}

void ScriptNotes::forget_all() {
  store_.forget_all();
  doubt_all();
}

uint64_t ScriptNotes::call_of(std::string_view digest) {
  if (digest.size() != kDigestLength) return 0;
  std::array<char, kDigestLength> lower{};
  for (size_t i = 0; i < kDigestLength; ++i) {
    bool upper = digest[i] >= 'A' && digest[i] <= 'F';
    lower[i] = upper ? static_cast<char>(digest[i] - 'A' + 'a') : digest[i];
  }
  return std::hash<std::string_view>{}({lower.data(), lower.size()});
}

// Never 0, which marks a place without a note.
uint64_t ScriptNotes::mark_of(uint64_t call, uint16_t node) {
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15;  // 2^64 by the golden ratio: it scatters numbers in a row
  return (call ^ (uint64_t{node} + 1) * kOdd) | 1;
}

bool ScriptNotes::is_known(uint64_t call, uint16_t node) const {
  uint64_t mark = mark_of(call, node);
  return calls_[(mark >> 1) % kCalls] == mark;
}

void ScriptNotes::note(uint64_t call, uint16_t node, bool known) {
  uint64_t mark = mark_of(call, node);
  uint64_t& place = calls_[(mark >> 1) % kCalls];
  if (known) {
    place = mark;
  } else if (place == mark) {
    place = 0;
  }
}

}  // namespace keyway::proxy
