#include "backup/packing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "backup/digest.h"
#include "backup/test_store.h"
#include "base/strings.h"

namespace keyway::backup {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kName = "shop/20261122T221400Z/p1.rdb.zst";

// Half of it repeats itself.
std::string sample(size_t size_bytes) {
  std::mt19937 random(7);
  std::string text;
  while (text.size() < size_bytes) {
    text += fmt::format("key:{}", random() % 1000);
    for (int i = 0; i < 8; ++i) text += static_cast<char>(random() & 0xffU);
  }
  text.resize(size_bytes);
  return text;
}

Packing sealed_packing() { return {EncryptionKey::random(), "shop/20261122T221400Z/p1"}; }

PackedSums pack(MemoryStore& store, const Packing& packing, const std::string& raw, size_t piece_bytes) {
  PackedWriter writer(*store.put(std::string(kName)), packing);
  for (size_t at = 0; at < raw.size(); at += piece_bytes)
    EXPECT_TRUE(writer.write(std::string_view(raw).substr(at, piece_bytes)));
  Result<PackedSums> sums = writer.commit();
  EXPECT_TRUE(sums) << sums.error().message;
  return *sums;
}

// What is read, or why not.
Result<std::string> unpack(MemoryStore& store, const Packing& packing, const PackedSums& sums,
                           size_t piece_bytes = 10'000) {
  PackedReader reader(*store.get(std::string(kName), 0), packing, sums, "shard p1");
  std::string text;
  std::string piece(piece_bytes, '\0');
  while (true) {
    Result<size_t> got = reader.read(piece.data(), piece.size());
    if (!got) return fail(got.error());
    if (*got == 0) return text;
    text.append(piece, 0, *got);
  }
}

ErrorCode code_of(const Result<std::string>& result) {
  return result ? ErrorCode::kInternal : result.error().code;
}

TEST(Packing, GivesBackWhatItTook) {
  for (bool sealed : {false, true}) {
    Packing packing = sealed ? sealed_packing() : Packing{};
    for (size_t size : {size_t{0}, size_t{1}, size_t{65'536}, size_t{65'537}, size_t{700'000}}) {
      MemoryStore store;
      std::string raw = sample(size);
      PackedSums sums = pack(store, packing, raw, 9'999);
      EXPECT_EQ(sums.raw_bytes, static_cast<int64_t>(size));
      EXPECT_EQ(sums.stored_bytes, static_cast<int64_t>(store.objects.begin()->second.size()));
      EXPECT_EQ(sums.raw_sha256, hex(sha256(raw)));
      for (size_t piece : {size_t{1} << 20, size_t{7}}) {
        store.piece_bytes = piece;
        Result<std::string> read = unpack(store, packing, sums, size > 100'000 ? 100'000 : 1);
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_EQ(*read, raw);
      }
    }
  }
}

TEST(Packing, MakesItSmaller) {
  MemoryStore store;
  PackedSums sums = pack(store, {}, std::string(1'000'000, 'a'), 1'000);
  EXPECT_LT(sums.stored_bytes, 10'000);
}

TEST(Packing, NoticesEveryAlteredByte) {
  for (bool sealed : {false, true}) {
    Packing packing = sealed ? sealed_packing() : Packing{};
    MemoryStore store;
    PackedSums sums = pack(store, packing, sample(300), 100);
    std::string& stored = store.objects.begin()->second;
    for (size_t i = 0; i < stored.size(); ++i) {
      stored[i] = static_cast<char>(stored[i] ^ 1);
      EXPECT_FALSE(unpack(store, packing, sums)) << i;
      stored[i] = static_cast<char>(stored[i] ^ 1);
    }
    EXPECT_TRUE(unpack(store, packing, sums));
  }
}

TEST(Packing, NoticesWhatIsCutOffOrAdded) {
  for (bool sealed : {false, true}) {
    Packing packing = sealed ? sealed_packing() : Packing{};
    MemoryStore store;
    PackedSums sums = pack(store, packing, sample(200'000), 100);
    const std::string whole = store.objects.begin()->second;
    for (size_t size :
         {size_t{0}, size_t{1}, size_t{47}, size_t{48}, size_t{65'536 + 16 + 48}, whole.size() - 1}) {
      store.objects[std::string(kName)] = whole.substr(0, size);
      EXPECT_EQ(code_of(unpack(store, packing, sums)), ErrorCode::kCorrupt) << size;
    }
    store.objects[std::string(kName)] = whole + "x";
    EXPECT_EQ(code_of(unpack(store, packing, sums)), ErrorCode::kCorrupt);
  }
}

// A swapped pair, a repeated one and a missing one, with sums that fit: only the seal can tell.
TEST(Packing, SealedChunksStayInTheirPlaces) {
  Packing packing = sealed_packing();
  MemoryStore store;
  PackedSums sums = pack(store, packing, sample(900'000), 5'000);
  const std::string whole = store.objects.begin()->second;
  constexpr size_t chunk = kSealedChunkBytes + kSealTagBytes;
  ASSERT_GT(whole.size(), kSealHeadBytes + 4 * chunk);
  std::string head = whole.substr(0, kSealHeadBytes);
  std::string first = whole.substr(kSealHeadBytes, chunk);
  std::string second = whole.substr(kSealHeadBytes + chunk, chunk);
  std::string rest = whole.substr(kSealHeadBytes + 2 * chunk);
  for (const std::string& altered : {head + second + first + rest, head + first + first + second + rest,
                                     head + second + rest, head + first + second}) {
    store.objects[std::string(kName)] = altered;
    PackedSums fitting = sums;
    fitting.stored_bytes = static_cast<int64_t>(altered.size());
    Result<std::string> read = unpack(store, packing, fitting);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(read.error().message, HasSubstr("seal"));
  }
}

TEST(Packing, SealedForAnotherPlaceIsNotRead) {
  Packing packing = sealed_packing();
  MemoryStore store;
  PackedSums sums = pack(store, packing, sample(1'000), 100);
  packing.context = "shop/20261122T221400Z/p2";
  EXPECT_EQ(code_of(unpack(store, packing, sums)), ErrorCode::kCorrupt);
}

TEST(Packing, TellsKeysApart) {
  Packing packing = sealed_packing();
  MemoryStore store;
  PackedSums sums = pack(store, packing, sample(1'000), 100);
  Packing other{EncryptionKey::random(), packing.context};
  EXPECT_EQ(code_of(unpack(store, other, sums)), ErrorCode::kDenied);
  EXPECT_EQ(code_of(unpack(store, {}, sums)), ErrorCode::kCorrupt);
  PackedSums open_sums = pack(store, {}, sample(1'000), 100);
  EXPECT_EQ(code_of(unpack(store, packing, open_sums)), ErrorCode::kCorrupt);
}

TEST(Packing, ExpandsNoMoreThanWasBackedUp) {
  MemoryStore store;
  std::string zeros;
  zeros.resize(size_t{50} << 20);
  PackedSums sums = pack(store, {}, zeros, size_t{1} << 20);
  sums.raw_bytes = 1'000;
  EXPECT_EQ(code_of(unpack(store, {}, sums)), ErrorCode::kCorrupt);
}

TEST(Packing, LeavesNothingAfterAFailure) {
  MemoryStore store;
  {
    PackedWriter writer(*store.put(std::string(kName)), {});
    EXPECT_TRUE(writer.write("abc"));
  }
  EXPECT_TRUE(store.objects.empty());
  store.write_error = Error{ErrorCode::kExhausted, "full"};
  PackedWriter writer(*store.put(std::string(kName)), {});
  Status written = writer.write(sample(1'000'000));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kExhausted);
}

TEST(EncryptionKey, IsALineOfText) {
  EncryptionKey key = EncryptionKey::random();
  Result<EncryptionKey> again = EncryptionKey::parse(key.to_text(), "k");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->bytes(), key.bytes());
  EXPECT_NE(EncryptionKey::random().bytes(), key.bytes());
  for (const char* text :
       {"", "AAAA", "no base64 at all!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    Result<EncryptionKey> none = EncryptionKey::parse(text, "k");
    ASSERT_FALSE(none) << text;
    EXPECT_EQ(none.error().code, ErrorCode::kInvalidArgument);
  }
}

// So that objects written today can be read by what is written tomorrow: the key id of a fixed key.
TEST(EncryptionKey, HasAFixedId) {
  Result<EncryptionKey> key = EncryptionKey::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "k");
  ASSERT_TRUE(key);
  EXPECT_EQ(hex(key->id()), "b1713bed97b040be");
}

}  // namespace
}  // namespace keyway::backup
