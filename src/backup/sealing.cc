#include "backup/sealing.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cassert>

#include "backup/digest.h"
#include "base/format.h"
#include "base/strings.h"
#include "platform/base64.h"
#include "platform/local/files.h"
#include "platform/local/random.h"

namespace keyway::backup {

namespace {

namespace local = platform::local;

constexpr std::string_view kMagic = "KEYWAYE1";
constexpr std::string_view kIdInfo = "keyway backup key id";
constexpr std::string_view kDataInfo = "keyway backup data 1";
constexpr size_t kIdBytes = 8;
constexpr size_t kSaltBytes = kSealHeadBytes - kMagic.size() - kIdBytes;
constexpr size_t kNonceBytes = 12;
constexpr size_t kMaxKeyFileBytes = 4096;
constexpr size_t kWholeChunkBytes = kSealedChunkBytes + kSealTagBytes;

unsigned char* bytes_of(char* text) { return reinterpret_cast<unsigned char*>(text); }
const unsigned char* bytes_of(const char* text) { return reinterpret_cast<const unsigned char*>(text); }

// HKDF of RFC 5869 with SHA-256, for as many bytes as one block gives.
std::string derive(std::string_view key, std::string_view salt, std::string_view info) {
  std::string extracted = hmac_sha256(salt, key);
  std::string derived = hmac_sha256(extracted, std::string(info) + '\x01');
  OPENSSL_cleanse(extracted.data(), extracted.size());
  return derived;
}

// What both directions have: the cipher with the key of one object, and the number of the chunk.
class Chunks {
 public:
  Chunks() = default;
  Chunks(const Chunks&) = delete;
  Chunks& operator=(const Chunks&) = delete;
  ~Chunks() {
    EVP_CIPHER_CTX_free(context_);
    OPENSSL_cleanse(key_.data(), key_.size());
  }

  void begin(const EncryptionKey& key, std::string_view head, std::string_view context) {
    head_ = head;
    key_ =
        derive(key.bytes(), head.substr(head.size() - kSaltBytes), fmt::format("{}\n{}", kDataInfo, context));
  }

  // `to` has room for the chunk and its tag.
  void seal(std::string_view plain, bool last, char* to) {
    int size = 0;
    begin_chunk(last, 1);
    EVP_CipherUpdate(context_, bytes_of(to), &size, bytes_of(plain.data()), static_cast<int>(plain.size()));
    EVP_CipherFinal_ex(context_, bytes_of(to) + plain.size(), &size);
    EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kSealTagBytes), to + plain.size());
    ++number_;
  }

  // False: it is not authentic. Requires: at least a tag.
  bool unseal(std::string_view sealed, bool last, char* to) {
    int size = 0;
    begin_chunk(last, 0);
    std::string_view plain = sealed.substr(0, sealed.size() - kSealTagBytes);
    std::string tag(sealed.substr(plain.size()));
    EVP_CipherUpdate(context_, bytes_of(to), &size, bytes_of(plain.data()), static_cast<int>(plain.size()));
    EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kSealTagBytes), tag.data());
    ++number_;
    return EVP_CipherFinal_ex(context_, bytes_of(to) + plain.size(), &size) == 1;
  }

 private:
  // The nonce: the chunk's number in 11 bytes, big-endian, then 1 if it is the last.
  void begin_chunk(bool last, int encrypt) {
    std::array<unsigned char, kNonceBytes> nonce{};
    uint64_t rest = number_;
    for (size_t i = kNonceBytes - 1; i-- > 0 && rest > 0; rest >>= 8U)
      nonce[i] = static_cast<unsigned char>(rest & 0xffU);
    nonce[kNonceBytes - 1] = last ? 1 : 0;
    int size = 0;
    EVP_CipherInit_ex(context_, EVP_aes_256_gcm(), nullptr, bytes_of(key_.data()), nonce.data(), encrypt);
    EVP_CipherUpdate(context_, nullptr, &size, bytes_of(head_.data()), static_cast<int>(head_.size()));
  }

  EVP_CIPHER_CTX* context_ = EVP_CIPHER_CTX_new();
  std::string key_;
  std::string head_;
  uint64_t number_ = 0;
};

}  // namespace

EncryptionKey::~EncryptionKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

EncryptionKey EncryptionKey::random() {
  EncryptionKey key;
  std::string bytes = local::random_bytes(kKeyBytes);
  std::ranges::copy(bytes, key.bytes_.begin());
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

Result<EncryptionKey> EncryptionKey::parse(std::string_view text, std::string_view source) {
  auto bytes = platform::base64_decoded(trim(text));
  if (!bytes || bytes->size() != kKeyBytes) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} holds no key: it takes one line, the Base64 of 32 bytes, as `keyway backup "
                            "key FILE` makes it",
                            source));
  }
  EncryptionKey key;
  std::ranges::copy(*bytes, key.bytes_.begin());
  OPENSSL_cleanse(bytes->data(), bytes->size());
  return key;
}

std::string EncryptionKey::to_text() const { return platform::base64_encoded(bytes()) + "\n"; }

std::string EncryptionKey::id() const { return derive(bytes(), "", kIdInfo).substr(0, kIdBytes); }

Result<EncryptionKey> read_key_file(const std::string& path) {
  Result<std::string> text = local::read_file(path, kMaxKeyFileBytes);
  if (!text) return fail(text.error());
  Result<EncryptionKey> key = EncryptionKey::parse(*text, path);
  OPENSSL_cleanse(text->data(), text->size());
  return key;
}

struct Sealer::Impl {
  Chunks chunks;
  std::string head;  // until it has been given
  std::string plain;
  std::string sealed = std::string(kWholeChunkBytes, '\0');

  Status give(std::string_view chunk, bool last, const ByteSink& out) {
    if (!head.empty()) {
      if (Status given = out(head); !given) return given;
      head.clear();
    }
    chunks.seal(chunk, last, sealed.data());
    return out(std::string_view(sealed).substr(0, chunk.size() + kSealTagBytes));
  }
};

Sealer::Sealer(const EncryptionKey& key, std::string_view context) : impl_(std::make_unique<Impl>()) {
  impl_->head = std::string(kMagic) + key.id() + local::random_bytes(kSaltBytes);
  impl_->chunks.begin(key, impl_->head, context);
  impl_->plain.reserve(kSealedChunkBytes);
}
Sealer::Sealer(Sealer&&) noexcept = default;
Sealer& Sealer::operator=(Sealer&&) noexcept = default;
Sealer::~Sealer() = default;

// A chunk goes out when it is known that another byte follows.
Status Sealer::add(std::string_view bytes, const ByteSink& out) {
  std::string& plain = impl_->plain;
  while (!bytes.empty()) {
    if (plain.size() == kSealedChunkBytes) {
      if (Status given = impl_->give(plain, false, out); !given) return given;
      plain.clear();
    }
    size_t room = kSealedChunkBytes - plain.size();
    plain += bytes.substr(0, room);
    bytes.remove_prefix(std::min(room, bytes.size()));
  }
  return {};
}

Status Sealer::finish(const ByteSink& out) { return impl_->give(impl_->plain, true, out); }

struct Unsealer::Impl {
  EncryptionKey key;
  std::string context;
  Chunks chunks;
  bool begun = false;
  std::string sealed;  // of the head, then of a chunk
  std::string plain = std::string(kSealedChunkBytes, '\0');

  Status begin();
  Status give(bool last, const ByteSink& out);
};

Status Unsealer::Impl::begin() {
  if (!sealed.starts_with(kMagic)) return fail(ErrorCode::kCorrupt, "it is not an encrypted object");
  if (sealed.substr(kMagic.size(), kIdBytes) != key.id())
    return fail(ErrorCode::kDenied, "it was encrypted with another key");
  chunks.begin(key, sealed, context);
  sealed.clear();
  begun = true;
  return {};
}

Status Unsealer::Impl::give(bool last, const ByteSink& out) {
  if (sealed.size() < kSealTagBytes || !chunks.unseal(sealed, last, plain.data()))
    return fail(ErrorCode::kCorrupt, "it was altered, or is cut short: its seal does not hold");
  std::string_view authentic = std::string_view(plain).substr(0, sealed.size() - kSealTagBytes);
  sealed.clear();
  return out(authentic);
}

Unsealer::Unsealer(const EncryptionKey& key, std::string_view context) : impl_(std::make_unique<Impl>()) {
  impl_->key = key;
  impl_->context = context;
}
Unsealer::Unsealer(Unsealer&&) noexcept = default;
Unsealer& Unsealer::operator=(Unsealer&&) noexcept = default;
Unsealer::~Unsealer() = default;

Status Unsealer::add(std::string_view bytes, const ByteSink& out) {
  std::string& sealed = impl_->sealed;
  while (!bytes.empty()) {
    if (impl_->begun && sealed.size() == kWholeChunkBytes) {
      if (Status given = impl_->give(false, out); !given) return given;
    }
    size_t room = (impl_->begun ? kWholeChunkBytes : kSealHeadBytes) - sealed.size();
    sealed += bytes.substr(0, room);
    bytes.remove_prefix(std::min(room, bytes.size()));
    if (impl_->begun || sealed.size() < kSealHeadBytes) continue;
    if (Status begun = impl_->begin(); !begun) return begun;
  }
  return {};
}

Status Unsealer::finish(const ByteSink& out) {
  if (!impl_->begun) return fail(ErrorCode::kCorrupt, "it is cut short");
  return impl_->give(true, out);
}

}  // namespace keyway::backup
