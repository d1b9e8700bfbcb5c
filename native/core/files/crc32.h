#pragma once

#include <cstddef>
#include <cstdint>

namespace moco {

/// CRC-32 as zip and zlib compute it (ISO-HDLC, polynomial 0x04C11DB7 reflected): finds every burst
/// of up to 32 flipped bits.
/// @param crc  of the bytes before these; 0 at the start
uint32_t crc32(const void* data, size_t size, uint32_t crc = 0);

}  // namespace moco
