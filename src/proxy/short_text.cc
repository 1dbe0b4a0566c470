#include "proxy/short_text.h"

#include "base/format.h"

namespace keyway::proxy {

std::string ShortText::shown() const {
  std::string text;
  for (char c : std::string_view(bytes_.data(), std::min(kMaxBytes, size_bytes_))) {
    if (c == '\\') {
      text += "\\\\";
    } else if (c >= ' ' && c <= '~') {
      text += c;
    } else {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (size_bytes_ > kMaxBytes) text += fmt::format("... ({} more bytes)", size_bytes_ - kMaxBytes);
  return text;
}

}  // namespace keyway::proxy
