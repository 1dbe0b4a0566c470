// SHA-256 of bytes that come in pieces, HMAC with it, and MD5. Values; one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace keyway::backup {

class Digest {
 public:
  Digest();
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();

  void add(std::string_view bytes);
  // 32 bytes. Once.
  std::string finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// 32 bytes.
std::string sha256(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);
// 16 bytes, as S3 wants them of what it is sent; against accidents only.
std::string md5(std::string_view bytes);

}  // namespace keyway::backup
