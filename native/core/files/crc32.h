#pragma once

#include <cstddef>
#include <cstdint>

namespace moco {

/// CRC-32 as zip and zlib compute it (ISO-HDLC, polynomial 0x04C11DB7 reflected), which detects
/// every burst of up to 32 flipped bits.
/// @param crc  the checksum of the bytes that come before these; 0 if there are none
/// @return     the checksum of those bytes and these
uint32_t crc32(const void* data, size_t size, uint32_t crc = 0);

}  // namespace moco
