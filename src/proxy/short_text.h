// A key as it is shown to people: its beginning, in a place of fixed size. A value; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace keyway::proxy {

class ShortText {
 public:
  static constexpr size_t kMaxBytes = 128;  // as servers keep of an argument in their slow logs

  ShortText() = default;
  explicit ShortText(std::string_view text) : size_bytes_(text.size()) {
    std::copy_n(text.data(), std::min(kMaxBytes, text.size()), bytes_.data());
  }

  size_t size_bytes() const { return size_bytes_; }

  // In printable ASCII: other bytes as \xNN, what is left out as "... (N more bytes)".
  std::string shown() const;

 private:
  size_t size_bytes_ = 0;  // of all of it
  std::array<char, kMaxBytes> bytes_{};
};

}  // namespace keyway::proxy
