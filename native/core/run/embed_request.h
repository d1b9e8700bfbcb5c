#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include "core/base/failure.h"

namespace moco {

/// What an encoder gives of a picture: the backbone's feature, or the head's projection of it.
enum class EmbedOutput { kFeatures, kProjection };

/// How the numbers of a result are stored: fp16 is rounded to nearest, ties to even.
enum class EmbedType { kFloat, kHalf };

/// Some pictures that are to be embedded, and in which form. It holds nothing of LibTorch, so that
/// JavaScript's thread can make and destroy it.
struct EmbedRequest {
  int64_t id = 0;
  int64_t count = 0;                       // of pictures
  std::unique_ptr<uint8_t[]> pixels = {};  // count × side × side × 3
  EmbedOutput output = EmbedOutput::kFeatures;
  bool normalise = false;  // divides each row by its length
  EmbedType type = EmbedType::kFloat;
};

/// Rows of numbers, one for each picture of a request, in its order.
struct EmbedRows {
  int64_t dims = 0;                  // numbers in a row
  std::vector<std::byte> data = {};  // of the request's type
};

/// A request's rows, or why there are none.
using EmbedOutcome = std::variant<EmbedRows, Failure>;

/// Is called once for each request, on the thread that ends it.
using OnEmbedded = std::function<void(EmbedOutcome)>;

}  // namespace moco
