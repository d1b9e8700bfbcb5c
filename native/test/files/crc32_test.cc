#include "core/files/crc32.h"

#include <doctest/doctest.h>

#include <string>

using namespace moco;

TEST_CASE("crc32 gives the published check value") {
  CHECK(crc32("123456789", 9) == 0xCBF43926);
  CHECK(crc32("", 0) == 0);
}

TEST_CASE("crc32 of pieces is that of the whole, wherever it is cut") {
  std::string text;
  for (int i = 0; i < 100; ++i) text += static_cast<char>(i * 37);
  const uint32_t whole = crc32(text.data(), text.size());
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    const uint32_t first = crc32(text.data(), cut);
    CHECK(crc32(text.data() + cut, text.size() - cut, first) == whole);
  }
}

TEST_CASE("crc32 finds every flipped bit") {
  std::string text(64, 'x');
  const uint32_t good = crc32(text.data(), text.size());
  for (size_t bit = 0; bit < 8 * text.size(); ++bit) {
    text[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    CHECK(crc32(text.data(), text.size()) != good);
    text[bit / 8] ^= static_cast<char>(1 << (bit % 8));
  }
}
