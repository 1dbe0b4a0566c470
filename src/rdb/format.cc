#include "rdb/format.h"

#include <algorithm>
#include <array>

#include "base/format.h"
#include "base/strings.h"
#include "rdb/crc64.h"

namespace keyway::rdb {

namespace {

constexpr std::string_view kRedisMagic = "REDIS";
constexpr std::string_view kValkeyMagic = "VALKEY";

// In streams: the nodes of the radix tree, how many entries, the last id; since 10 also the first id, the
// highest id deleted and how many were ever added. Then the groups: name, last id, since 10 how many it has
// read; its pending entries, and its consumers (name, seen at, since 11 active at, their pending entries).
constexpr std::array kSharedTypes = {
    ValueType{0, "string", 1, "S"},
    ValueType{1, "list", 1, "N(S)"},
    ValueType{2, "set", 1, "N(S)"},
    ValueType{3, "sorted set", 1, "N(SD)"},
    ValueType{4, "hash", 1, "N(SS)"},
    ValueType{5, "sorted set", 8, "N(S8)"},
    ValueType{7, "value of a module", 8, "LM"},
    ValueType{9, "hash (zipmap)", 2, "S"},
    ValueType{10, "list (ziplist)", 2, "S"},
    ValueType{11, "set of numbers", 2, "S"},
    ValueType{12, "sorted set (ziplist)", 2, "S"},
    ValueType{13, "hash (ziplist)", 4, "S"},
    ValueType{14, "list (quicklist of ziplists)", 7, "N(S)"},
    ValueType{15, "stream", 9, "N(SS)LLLN(SLLN(G8L)N(S8N(G)))"},
    ValueType{16, "hash (listpack)", 10, "S"},
    ValueType{17, "sorted set (listpack)", 10, "S"},
    ValueType{18, "list (quicklist)", 10, "N(LS)"},
    ValueType{19, "stream", 10, "N(SS)LLLLLLLLN(SLLLN(G8L)N(S8N(G)))"},
    ValueType{20, "set (listpack)", 11, "S"},
    ValueType{21, "stream", 11, "N(SS)LLLLLLLLN(SLLLN(G8L)N(S88N(G)))"},
};
constexpr std::array kRedisTypes = {
    ValueType{24, "hash with expiring fields", 12, "8N(LSS)"},
    ValueType{25, "hash with expiring fields (listpack)", 12, "8S"},
};
constexpr std::array kValkeyTypes = {
    ValueType{22, "hash with expiring fields", 80, "N(SS8)"},
};

const ValueType* find(const auto& types, unsigned code) {
  auto found = std::ranges::find(types, code, &ValueType::code);
  return found == types.end() ? nullptr : &*found;
}

void append_little_endian(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

}  // namespace

const ValueType* value_type(unsigned code, Family family) {
  if (const ValueType* shared = find(kSharedTypes, code); shared != nullptr) return shared;
  return family == Family::kRedis ? find(kRedisTypes, code) : find(kValkeyTypes, code);
}

Shape opcode_shape(unsigned code, Family family) {
  switch (code) {
    case kSlotImport:
      return family == Family::kValkey ? "SN(LL)" : "";
    case kSlotInfo:
      return "LLL";
    case kFunction:
      return "S";
    case kModuleAux:
      return "LLLM";
    case kIdle:
      return "L";
    case kFrequency:
      return "1";
    case kAux:
      return "SS";
    case kResize:
      return "LL";
    case kExpiryMs:
      return "8";
    case kExpiryS:
      return "4";
    case kDatabase:
      return "L";
    case kEnd:
      return "8";
    default:
      return "";
  }
}

std::optional<Header> parse_header(std::string_view bytes) {
  if (bytes.size() != kHeaderBytes) return std::nullopt;
  bool valkey = bytes.starts_with(kValkeyMagic);
  if (!valkey && !bytes.starts_with(kRedisMagic)) return std::nullopt;
  std::string_view digits = bytes.substr(valkey ? kValkeyMagic.size() : kRedisMagic.size());
  bool number = std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  std::optional<int64_t> version = number ? parse_int(digits) : std::nullopt;
  if (!version) return std::nullopt;
  return Header{valkey ? Family::kValkey : Family::kRedis, static_cast<int>(*version)};
}

std::string writer_of(const Header& header) {
  if (header.family == Family::kValkey) return "Valkey 9 or newer";
  switch (header.version) {
    case 9:
      return "Redis 5 or 6";
    case 10:
      return "Redis 7.0";
    case 11:
      return "Redis 7.2, or Valkey 7.2 to 8.1";
    case 12:
      return "Redis 7.4 or 8";
    default:
      return header.version < kOldestVersion ? "Redis 4 or older" : "a newer Redis";
  }
}

std::string dump_payload(std::string_view type_and_value, int version) {
  constexpr size_t version_bytes = 2;
  std::string payload;
  payload.reserve(type_and_value.size() + version_bytes + kChecksumBytes);
  payload += type_and_value;
  append_little_endian(payload, static_cast<uint64_t>(version), version_bytes);
  append_little_endian(payload, crc64(0, payload), kChecksumBytes);
  return payload;
}

}  // namespace keyway::rdb
