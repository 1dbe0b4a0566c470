#include "base/json_quote.h"

#include "base/format.h"

namespace keyway {

namespace {

// The length of the UTF-8 character that starts at `at`; 0: it is none.
size_t utf8_length(std::string_view text, size_t at) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(at);
  size_t size = lead < 0x80                   ? 1
                : lead >= 0xC2 && lead < 0xE0 ? 2
                : (lead & 0xF0) == 0xE0       ? 3
                : lead >= 0xF0 && lead < 0xF5 ? 4
                                              : 0;
  if (size == 0 || at + size > text.size()) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  }
  if (lead == 0xE0 && byte(at + 1) < 0xA0) return 0;   // overlong
  if (lead == 0xED && byte(at + 1) >= 0xA0) return 0;  // surrogates
  if (lead == 0xF0 && byte(at + 1) < 0x90) return 0;   // overlong
  if (lead == 0xF4 && byte(at + 1) >= 0x90) return 0;  // above U+10FFFF
  return size;
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      if (static_cast<unsigned char>(c) < 0x20) {
        out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
      } else {
        out += c;
      }
  }
}

}  // namespace

std::string json_quote(std::string_view text) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    size_t size = utf8_length(text, at);
    if (size == 0) {
      out += "\xEF\xBF\xBD";
    } else if (size == 1) {
      append_escaped(out, text[at]);
    } else {
      out += text.substr(at, size);
    }
    at += size == 0 ? 1 : size;
  }
  return out + '"';
}

}  // namespace keyway
