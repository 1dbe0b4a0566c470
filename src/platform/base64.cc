#include "platform/base64.h"

#include <openssl/evp.h>

namespace keyway::platform {

namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr size_t kGroup = 4;

}  // namespace

std::optional<std::string> base64_decoded(std::string_view text) {
  std::string digits;
  for (char c : text) {
    if (c != '\n' && c != '\r' && c != ' ') digits += c;
  }
  if (digits.size() % kGroup != 0) return std::nullopt;
  size_t padding = digits.ends_with("==") ? 2 : digits.ends_with("=") ? 1 : 0;
  // OpenSSL takes padding anywhere and blanks at the ends.
  if (digits.find_first_not_of(kDigits) < digits.size() - padding) return std::nullopt;
  std::string out(digits.size() / kGroup * 3, '\0');
  int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(digits.data()), static_cast<int>(digits.size()));
  if (size < 0) return std::nullopt;
  out.resize(static_cast<size_t>(size) - padding);
  return out;
}

std::string base64_encoded(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * kGroup + 1, '\0');
  int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

}  // namespace keyway::platform
