// The checksum at the end of RDB files and of what DUMP gives: CRC-64 with the polynomial of Jones,
// 0xad93d23594c935a9, reflected, beginning with 0 (src/crc64.c of Redis). Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace keyway::rdb {

// Of what `crc` is the checksum of, followed by `bytes`; 0 is the checksum of nothing.
uint64_t crc64(uint64_t crc, std::string_view bytes);

}  // namespace keyway::rdb
