// No object makes its reader fail otherwise than with an error, give more than was promised, or take one for
// whole whose checksum is another's. With a seal nothing at all is read of what was not sealed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "backup/packing.h"

namespace {

using namespace keyway;

constexpr int64_t kMaxRawBytes = int64_t{1} << 20;

class Bytes : public backup::ObjectReader {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), left_(size) {}
  Result<size_t> read(char* to, size_t size_bytes) override {
    size_t size = std::min({left_, size_bytes, piece_bytes_});
    if (size > 0) std::memcpy(to, data_, size);
    data_ += size;
    left_ -= size;
    piece_bytes_ = piece_bytes_ % 97 + 1;
    return size;
  }

 private:
  const uint8_t* data_;
  size_t left_;
  size_t piece_bytes_ = 1;
};

void read_all(const uint8_t* data, size_t size, const backup::Packing& packing) {
  backup::PackedSums sums{kMaxRawBytes, static_cast<int64_t>(size), std::string(64, '0'),
                          std::string(64, '0')};
  backup::PackedReader reader(std::make_unique<Bytes>(data, size), packing, sums, "it");
  std::string piece(4096, '\0');
  int64_t given_bytes = 0;
  while (true) {
    Result<size_t> got = reader.read(piece.data(), piece.size());
    if (!got) break;
    if (*got == 0) std::abort();
    given_bytes += static_cast<int64_t>(*got);
    if (given_bytes > kMaxRawBytes || packing.key) std::abort();
  }
  if (reader.read(piece.data(), piece.size())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  read_all(data, size, {});
  static const backup::EncryptionKey key =
      *backup::EncryptionKey::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "k");
  read_all(data, size, {key, "it"});
  return 0;
}
