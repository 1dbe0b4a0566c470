// Which hash slot a key is in: CRC16 (XMODEM) of the key or of its hash tag, modulo 16384, as in the Redis
// Cluster specification. Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace keyway::resp {

uint16_t crc16(std::string_view bytes);

// The part of `key` that decides its slot: what is between the first '{' and the next '}' if that is not
// empty, else all.
std::string_view hash_tag(std::string_view key);

uint16_t key_slot(std::string_view key);

}  // namespace keyway::resp
