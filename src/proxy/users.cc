#include "proxy/users.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <charconv>

namespace keyway::proxy {

namespace {

bool same(const PasswordHash& a, const PasswordHash& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

PasswordHash hash_password(std::string_view password) {
  PasswordHash hash{};
  SHA256(reinterpret_cast<const unsigned char*>(password.data()), password.size(), hash.data());
  return hash;
}

std::optional<PasswordHash> parse_password_hash(std::string_view text) {
  PasswordHash hash{};
  if (text.size() != 2 * hash.size()) return std::nullopt;
  for (uint8_t& byte : hash) {
    const char* end = text.data() + 2;
    if (std::from_chars(text.data(), end, byte, 16).ptr != end) return std::nullopt;
    text.remove_prefix(2);
  }
  return hash;
}

const ProxyUser* Users::find(std::string_view name) const {
  auto found = users_.find(name);
  return found == users_.end() ? nullptr : &found->second;
}

const ProxyUser* Users::check(std::string_view name, std::string_view password) const {
  const PasswordHash given = hash_password(password);
  static const ProxyUser nobody = {false, {hash_password("")}, {}};
  const ProxyUser* user = find(name);
  bool right = false;
  for (const PasswordHash& hash : (user != nullptr ? *user : nobody).passwords)
    right = same(hash, given) || right;
  if (user == nullptr) return nullptr;
  return right || user->any_password ? user : nullptr;
}

const ProxyUser* Users::without_login() const {
  const ProxyUser* user = find("default");
  return user != nullptr && user->any_password ? user : nullptr;
}

}  // namespace keyway::proxy
