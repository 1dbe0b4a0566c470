// What stands in an RDB file, by src/rdb.h and src/rdb.c of Redis 7.0 to 8.0 and of Valkey 8.0 to 9.1: the
// opcodes, the types of values, and of which pieces each is made. Both went their own ways after version 11:
// Redis counts on from 12, Valkey has 80 and more, and a type above 21 means something else in each. Pure;
// constant; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keyway::rdb {

enum class Family { kRedis, kValkey };

inline constexpr int kOldestVersion = 9;        // Redis 5
inline constexpr int kLastSharedVersion = 11;   // Redis 7.2, Valkey 7.2 to 8.1
inline constexpr int kFirstValkeyVersion = 80;  // Valkey 9.0; such a file begins with VALKEY, not REDIS
inline constexpr size_t kHeaderBytes = 9;       // "REDIS0011", "VALKEY080"
inline constexpr size_t kChecksumBytes = 8;

// The first byte of what is no key.
enum Opcode : unsigned {
  kSlotImport = 243,  // Valkey
  kSlotInfo = 244,
  kFunction = 245,
  kModuleAux = 247,
  kIdle = 248,
  kFrequency = 249,
  kAux = 250,
  kResize = 251,
  kExpiryMs = 252,
  kExpiryS = 253,
  kDatabase = 254,
  kEnd = 255,
};

// The pieces of something, one letter each, which the walker goes through:
//   L  a length               S  a string
//   1 4 8 G  so many bytes (G: 16)
//   D  a number as text: its length in one byte, then that; 253 to 255 mean infinities and have no text
//   M  parts of a module's value, until the mark of its end
//   N(…)  a length, and what is in parentheses so many times
using Shape = std::string_view;

struct ValueType {
  unsigned code = 0;
  std::string_view name;  // for people: "hash with expiring fields"
  int since = 0;          // the version from which on servers of its family read it
  Shape shape;
};

// Null: this program does not know it.
const ValueType* value_type(unsigned code, Family family);
// Empty: it is no opcode of this family, or none that this program knows.
Shape opcode_shape(unsigned code, Family family);

// "REDIS0011" or "VALKEY080"; nothing if it is neither.
struct Header {
  Family family = Family::kRedis;
  int version = 0;
};
std::optional<Header> parse_header(std::string_view bytes);

// "Redis 7.0", the first that wrote files of this version.
std::string writer_of(const Header& header);

// What RESTORE takes: the type and the value as they stand in a file, `version` of the format, and the
// checksum of all. Servers refuse a `version` above their own; that of the type (ValueType::since, but
// kOldestVersion at least) is read by every server that can read the value at all.
std::string dump_payload(std::string_view type_and_value, int version);

}  // namespace keyway::rdb
