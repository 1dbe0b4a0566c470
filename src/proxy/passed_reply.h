// What has been passed on of a large reply, remembered as a hash: so that the rest of it can be had by
// another connection, if it is the same reply. Values; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "proxy/request.h"

namespace keyway::proxy {

// Of bytes that come in any pieces. Against chance, not against malice.
class StreamHash {
 public:
  void add(std::string_view bytes) {
    size_bytes_ += bytes.size();
    while (!bytes.empty() && filled_ > 0) bytes = add_byte(bytes);
    for (; bytes.size() >= sizeof word_; bytes.remove_prefix(sizeof word_)) {
      uint64_t word = 0;
      std::memcpy(&word, bytes.data(), sizeof word);
      mix(word);
    }
    while (!bytes.empty()) bytes = add_byte(bytes);
  }
  uint64_t size_bytes() const { return size_bytes_; }
  friend bool operator==(const StreamHash&, const StreamHash&) = default;

 private:
  std::string_view add_byte(std::string_view bytes) {
    word_ |= uint64_t{static_cast<uint8_t>(bytes.front())} << (8 * filled_);
    ++filled_;
    if (filled_ == sizeof word_) {
      mix(word_);
      word_ = 0;
      filled_ = 0;
    }
    return bytes.substr(1);
  }
  // Source of the constant: Steele, Vigna, "Computationally easy, spectrally good multipliers", 2021.
  void mix(uint64_t word) {
    state_ = (state_ ^ word) * 0xd1342543de82ef95U;
    state_ ^= state_ >> 32;
  }

  uint64_t state_ = 0x9e3779b97f4a7c15U;
  uint64_t word_ = 0;
  uint64_t filled_ = 0;
  uint64_t size_bytes_ = 0;
};

struct PassedReply {
  StreamHash passed;
  StreamHash again;  // of what the other connection has brought; as much as `passed` at most
  bool reads_again = false;
  bool caught_up = false;  // so that what comes now is new to the client
};

// A reply so long that it is worth remembering, by its beginning: a string of a million bytes, or what does
// not say how long it is.
inline bool may_be_large(std::string_view beginning) {
  constexpr std::string_view kStrings = "$=";
  if (beginning.empty() || kStrings.find(beginning.front()) == std::string_view::npos) return true;
  constexpr size_t kDigits = 7;
  return beginning.find('\r') > kDigits;  // or is not there
}

}  // namespace keyway::proxy
