#include "proxy/traffic.h"

#include <chrono>

#include "proxy/gather.h"
#include "proxy/request_scan.h"
#include "proxy/stats.h"

namespace keyway::proxy {

namespace {

constexpr int64_t kFadeMs = 15'000;
constexpr int64_t kShowMs = 1000;
constexpr size_t kMaxKeys = 16;         // of one command that are looked at
constexpr size_t kMaxParts = 16;        // the same of parts
constexpr uint64_t kLeastBytes = 4096;  // what is smaller is not big

int64_t wall_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

// The request whose bytes have the first key.
const Request& first_part(const Request& request) {
  bool in_parts = request.gather != nullptr && !request.gather->parts.empty();
  return in_parts ? *request.gather->parts.front() : request;
}

}  // namespace

// Of one to twice kSampleEach, so that no rhythm of the clients hides anything. Source: xorshift64,
// Marsaglia, "Xorshift RNGs", 2003.
uint32_t Traffic::draw() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return 1 + static_cast<uint32_t>(random_ % (2 * kSampleEach - 1));
}

resp::KeyPositions Traffic::find_keys(const Request& request) {
  resp::KeyPositions positions;
  arguments_.clear();
  ScanProgress progress;
  RequestScan scan = scan_request(request.bytes.text(), {}, progress, arguments_, unquoted_);
  bool whole = scan.state == ScanState::kWhole && request.command != nullptr &&
               request.command->takes(arguments_.size());
  if (!whole || !resp::key_positions(*request.command, arguments_, positions)) positions.clear();
  return positions;
}

void Traffic::note_keys(const Request& request, bool is_sample) {
  resp::KeyPositions positions = find_keys(request);
  size_t count = 0;
  if (is_sample) {
    positions.for_each([&](size_t position) {
      if (++count <= kMaxKeys) keys_.hot.add(arguments_[position]);
    });
  }
  uint64_t size_bytes = size_of(request);
  if (size_bytes < kLeastBytes || positions.count() != 1) return;
  keys_.big.add(arguments_[positions.ranges()[0].first], size_bytes, request.command->name, now_ms_);
}

void Traffic::note_slow(const Request& request, uint64_t took_us, const Address& address) {
  SlowRequest slow;
  slow.at_ms = wall_ms();
  slow.took_us = took_us;
  slow.client = to_string(address);
  slow.command = request.command->name;
  if (request.gather != nullptr) {
    slow.server = "several";
  } else if (request.answered_by != nullptr) {
    slow.server = request.answered_by->name;
  }
  // Of all arguments only a key is shown: no password is one.
  resp::KeyPositions positions = find_keys(first_part(request));
  if (!positions.empty()) slow.key = ShortText(arguments_[positions.ranges()[0].first]);
  slow_log_.add(std::move(slow));
}

void Traffic::look_at(const Request& request, uint64_t took_us, bool is_slow, bool is_large,
                      const Address& address) {
  bool is_sample = until_sample_ <= 0;
  if (is_sample) until_sample_ = draw();
  if (request.command == nullptr) return;
  if (is_slow) note_slow(request, took_us, address);
  if (!is_sample && !is_large) return;
  if (request.gather == nullptr) return note_keys(request, is_sample);
  size_t count = 0;
  for (const Request* part : request.gather->parts) {
    if (++count <= kMaxParts) note_keys(*part, is_sample);
  }
}

void Traffic::tick(int64_t now_ms) {
  now_ms_ = now_ms;
  if (now_ms - faded_ms_ >= kFadeMs) {
    faded_ms_ = now_ms;
    keys_.hot.fade();
    keys_.big.forget_old(now_ms);
  }
  if (now_ms - shown_ms_ < kShowMs) return;
  shown_ms_ = now_ms;
  std::lock_guard lock(mutex_);
  shown_ = keys_;
}

Traffic::Keys Traffic::keys() const {
  std::lock_guard lock(mutex_);
  return shown_;
}

}  // namespace keyway::proxy
