// Encryption of objects on the client's side: AES-256-GCM in chunks of 64 KiB, so that a reader needs no more
// memory than that and gives out nothing that was not authenticated. The construction is STREAM (Hoang,
// Reyhanitabar, Rogaway, Vizar: "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance",
// 2015), as age has it: the nonce of a chunk is its number and whether it is the last, so chunks can neither
// be left out, repeated, moved nor cut off. The format is told in docs/internals/backup.md. Values; one
// thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace keyway::backup {

inline constexpr size_t kKeyBytes = 32;
inline constexpr size_t kSealedChunkBytes = size_t{64} << 10;
inline constexpr size_t kSealTagBytes = 16;  // after each chunk
inline constexpr size_t kSealHeadBytes = 48;

// Forgets itself: its bytes are overwritten when it ends.
class EncryptionKey {
 public:
  EncryptionKey() = default;
  EncryptionKey(const EncryptionKey&) = default;
  EncryptionKey& operator=(const EncryptionKey&) = default;
  ~EncryptionKey();

  static EncryptionKey random();
  // A line of Base64 of 32 bytes; kInvalidArgument. The message tells nothing of the text.
  static Result<EncryptionKey> parse(std::string_view text, std::string_view source);

  std::string to_text() const;  // with a line end
  std::string_view bytes() const { return {bytes_.data(), bytes_.size()}; }
  // 8 bytes by which one tells keys apart; they tell nothing of it.
  std::string id() const;

 private:
  std::array<char, kKeyBytes> bytes_{};
};

// kInvalidArgument, or why the file cannot be read.
Result<EncryptionKey> read_key_file(const std::string& path);

using ByteSink = std::function<Status(std::string_view bytes)>;

// Data in, the bytes of a sealed object out. Errors are those of `out`.
class Sealer {
 public:
  Sealer(const EncryptionKey& key, std::string_view context);
  Sealer(Sealer&&) noexcept;
  Sealer& operator=(Sealer&&) noexcept;
  ~Sealer();

  Status add(std::string_view bytes, const ByteSink& out);
  Status finish(const ByteSink& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The reverse. kCorrupt: altered, cut short, or not of this context; kDenied: another key's; and the errors
// of `out`, which is given only what is authentic.
class Unsealer {
 public:
  Unsealer(const EncryptionKey& key, std::string_view context);
  Unsealer(Unsealer&&) noexcept;
  Unsealer& operator=(Unsealer&&) noexcept;
  ~Unsealer();

  Status add(std::string_view bytes, const ByteSink& out);
  Status finish(const ByteSink& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keyway::backup
