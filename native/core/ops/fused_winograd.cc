#include <ATen/Parallel.h>
#include <ATen/ceil_div.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <type_traits>
#include <vector>

#include "core/base/threads.h"
#include "core/ops/fused_call.h"
#include "core/ops/fused_convolution_kernels.h"
#include "core/ops/fused_winograd_transforms.h"
#include "core/ops/winograd_convolution_tiles.h"

namespace moco::fused {
namespace {

using fused_winograd::Filtering;
using fused_winograd::kKinds;
using fused_winograd::kTaps;
using fused_winograd::kWeights;
using fused_winograd::weightOf;
using kernels::fused_convolution::Factor;
using kernels::fused_convolution::kPanel;
using kernels::fused_convolution::kSlice;
using winograd::Tiles;

/// Tiles of a block. The more there are, the less often the weight comes from memory; the fewer,
/// the nearer to the core their transformed numbers stay.
template <int64_t kStride>
int64_t tilesAtOnce(int64_t count) {
  constexpr int64_t kMost = kStride == 1 ? 64 : 30;
  return at::ceil_div(count, at::ceil_div(count, kMost));
}

/// Memory for a call. It is as large as what the caching allocator keeps: smaller memory could go
/// back to the system after every call.
at::Tensor scratch(int64_t numbers, at::ScalarType type) {
  constexpr int64_t kKept = int64_t{1} << 20;  // bytes
  return at::empty({std::max(numbers, kKept / static_cast<int64_t>(c10::elementSize(type)))}, type);
}

/// The transformed inputs of a block: for each slice of the channels and each point a matrix of
/// (tiles, kSlice), and with it a scale for each row.
template <typename T, int64_t kStride>
class TransformedInputs {
 public:
  TransformedInputs(int64_t tiles, int64_t slices)
      : tiles_(tiles),
        stride_(tiles * kSlice + kCacheLine),
        numbers_(scratch(slices * Filtering<kStride>::kPoints * stride_,
                         c10::CppTypeToScalarType<Factor<T>>::value)),
        scales_(at::empty({slices * Filtering<kStride>::kPoints * tiles}, at::kFloat)),
        firstNumber_(numbers_.template data_ptr<Factor<T>>()),
        firstScale_(scales_.data_ptr<float>()) {}

  kernels::fused_convolution::PointRows<Factor<T>> rows(int64_t slice, int64_t tile) const {
    return {numbers(slice, 0) + tile * kSlice, stride_, scales(slice, 0) + tile, tiles_};
  }
  Factor<T>* numbers(int64_t slice, int64_t point) const {
    return firstNumber_ + (slice * Filtering<kStride>::kPoints + point) * stride_;
  }
  float* scales(int64_t slice, int64_t point) const {
    return firstScale_ + (slice * Filtering<kStride>::kPoints + point) * tiles_;
  }

 private:
  // Why the matrices lie a cache line apart: see PointMatrices.
  static constexpr int64_t kCacheLine = 64 / sizeof(Factor<T>);

  int64_t tiles_, stride_;
  at::Tensor numbers_, scales_;
  // Asked for once: the tensors would check their type every time.
  Factor<T>* firstNumber_;
  float* firstScale_;
};

/// The products of some tiles with a panel of the weight: for each point (tiles, kPanel).
template <int64_t kStride>
class Products {
 public:
  explicit Products(int64_t tiles)
      : stride_(tiles * kPanel + kCacheLine),
        numbers_(scratch(Filtering<kStride>::kPoints * stride_, at::kFloat)),
        first_(numbers_.data_ptr<float>()) {}

  float* at(int64_t point) const { return first_ + point * stride_; }
  kernels::winograd_convolution::Points ofTile(int64_t tile) const {
    return {at(0) + tile * kPanel, stride_};
  }

 private:
  static constexpr int64_t kCacheLine = 64 / sizeof(float);

  int64_t stride_;
  at::Tensor numbers_;
  float* first_;
};

/// The tiles of a batch, some at a time.
template <typename T, int64_t kStride>
class TiledConvolution {
 public:
  explicit TiledConvolution(const Call<T>& call)
      : call_(call),
        shape_(call.shape),
        simd_(*kernels::fused_convolution::kernels<T>()),
        transforms_(simd_.template transforms<kStride>()),
        tiles_(shape_.pictures, shape_.height, shape_.width, kStride),
        atOnce_(tilesAtOnce<kStride>(tiles_.count())),
        slices_(shape_.in / kSlice),
        inputs_(atOnce_, slices_),
        zeros_(shape_.in, T(0)) {}

  void operator()() const {
    const int64_t panels = shape_.out / kPanel;
    for (int64_t first = 0; first < tiles_.count(); first += atOnce_) {
      const int64_t count = std::min(atOnce_, tiles_.count() - first);
      parallelFor(count, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) transformInput(first + i, i);
      });
      const int64_t parts = partsOf(count, panels), length = at::ceil_div(count, parts);
      parallelFor(panels * parts, [&](int64_t begin, int64_t end) {
        const Products<kStride> products(length);
        for (int64_t i = begin; i < end; ++i) {
          const int64_t row = i % parts * length;
          const Part part{i / parts, first, row, std::min(length, count - row)};
          multiply(part, products);
          transformOutput(part, products);
        }
      });
    }
  }

 private:
  /// Some tiles of a block, and the output channels of a panel.
  struct Part {
    int64_t panel, first;  // number of the block's first tile
    int64_t row, rows;     // of the block's tiles
  };

  /// Parts of a block's tiles, so that every thread has one.
  static int64_t partsOf(int64_t count, int64_t panels) {
    const int64_t threads = at::in_parallel_region() ? 1 : at::get_num_threads();
    const int64_t length = at::ceil_div(count, at::ceil_div(threads, panels));
    return at::ceil_div(count, length);
  }

  void transformInput(int64_t tile, int64_t row) const {
    auto pixels =
        tiles_.inputs<Filtering<kStride>::kInput>(tile, call_.x, shape_.in, zeros_.data());
    for (int64_t slice = 0; slice < slices_; ++slice) {
      transforms_.input(pixels.data(), inputs_.rows(slice, row));
      for (auto& pixel : pixels) pixel += kSlice;
    }
  }

  void multiply(const Part& part, const Products<kStride>& products) const {
    static constexpr std::array<float, kPanel> kNoBias{};
    for (int64_t point = 0; point < Filtering<kStride>::kPoints; ++point) {
      float* const sums = products.at(point);
      const int64_t weight = part.panel * kWeights + weightOf<kStride>(point);
      for (int64_t slice = 0; slice < slices_; ++slice) {
        const int64_t number = weight * slices_ + slice;
        simd_.multiplyPoint(
            {.a = inputs_.numbers(slice, point) + part.row * kSlice,
             .aStride = kSlice,
             .rowScales = inputs_.scales(slice, point) + part.row,
             .rows = part.rows,
             .depth = kSlice,
             .b = call_.template weightAs<Factor<T>>() + number * kSlice * kPanel,
             .columnScales = call_.scales ? call_.scales + number * kPanel : nullptr,
             .bias = kNoBias.data(),
             .addend = slice > 0 ? sums : nullptr,
             .least = -std::numeric_limits<float>::infinity(),
             .to = sums,
             .stride = kPanel});
      }
    }
  }

  void transformOutput(const Part& part, const Products<kStride>& products) const {
    // Takes and gives what pixels outside of the pictures would.
    std::array<T, kPanel> outside{};
    const int64_t channel = part.panel * kPanel;
    const T* const addend = call_.addend ? call_.addend : call_.y;
    for (int64_t i = 0; i < part.rows; ++i) {
      const int64_t tile = part.first + part.row + i;
      const auto pixels = tiles_.outputs(tile, call_.y + channel, shape_.out, outside.data());
      const auto addends =
          tiles_.outputs<const T>(tile, addend + channel, shape_.out, outside.data());
      transforms_.output(products.ofTile(i), {.bias = call_.bias + channel,
                                              .addends = call_.addend ? addends.data() : nullptr,
                                              .least = call_.least(),
                                              .pixels = pixels.data()});
    }
  }

  const Call<T>& call_;
  const ConvolutionShape& shape_;
  const kernels::fused_convolution::Kernels<T>& simd_;
  const kernels::fused_convolution::Transforms<T>& transforms_;
  Tiles tiles_;
  int64_t atOnce_, slices_;
  TransformedInputs<T, kStride> inputs_;
  std::vector<T> zeros_;
};

/// G w Gᵀ of nine taps.
template <int64_t kStride>
std::array<double, kWeights> transformedTaps(const float* taps) {
  constexpr auto kMatrix = Filtering<kStride>::weightMatrix();
  double half[kKinds][kTaps];
  for (int64_t row = 0; row < kKinds; ++row) {
    for (int64_t column = 0; column < kTaps; ++column) {
      half[row][column] = kMatrix[row][0] * taps[column] + kMatrix[row][1] * taps[kTaps + column] +
                          kMatrix[row][2] * taps[2 * kTaps + column];
    }
  }
  std::array<double, kWeights> weights;
  for (int64_t row = 0; row < kKinds; ++row) {
    for (int64_t column = 0; column < kKinds; ++column) {
      weights[row * kKinds + column] = half[row][0] * kMatrix[column][0] +
                                       half[row][1] * kMatrix[column][1] +
                                       half[row][2] * kMatrix[column][2];
    }
  }
  return weights;
}

/// A slice of a column of every transformed weight.
using Columns = std::array<std::array<double, kSlice>, kWeights>;

/// @param taps  of the first of the channels
template <int64_t kStride>
Columns transformedColumns(const float* taps) {
  Columns columns;
  for (int64_t channel = 0; channel < kSlice; ++channel) {
    const auto weights = transformedTaps<kStride>(taps + channel * kTaps * kTaps);
    for (int64_t i = 0; i < kWeights; ++i) columns[i][channel] = weights[i];
  }
  return columns;
}

void pack(const std::array<double, kSlice>& column, float* to, float* /*scale*/) {
  for (int64_t i = 0; i < kSlice; ++i) to[i * kPanel] = static_cast<float>(column[i]);
}

void pack(const std::array<double, kSlice>& column, int16_t* to, float* scale) {
  using kernels::fused_convolution::kLargestColumn;
  using kernels::fused_convolution::kLargestInteger;
  constexpr double kSmallest = 1e-22;  // for columns of zeros
  double squares = 0, largest = 0;
  for (const double number : column) {
    squares += number * number;
    largest = std::max(largest, std::abs(number));
  }
  *scale = static_cast<float>(
      std::max({kSmallest, std::sqrt(squares) / kLargestColumn, largest / kLargestInteger}));
  for (int64_t i = 0; i < kSlice; ++i) {
    to[i / 2 * 2 * kPanel + i % 2] = static_cast<int16_t>(std::lround(column[i] / *scale));
  }
}

/// (panels, kWeights, slices), of each the slice's rows of kPanel columns, as a product wants them.
template <typename Number, int64_t kStride>
PackedWeight transformedAs(const at::Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const int64_t panels = out / kPanel, slices = in / kSlice;
  const auto contiguous = weight.contiguous();
  const auto* const taps = contiguous.const_data_ptr<float>();
  const auto result = at::empty({panels, kWeights, slices, kSlice * kPanel},
                                c10::CppTypeToScalarType<Number>::value);
  const auto scales = at::empty({panels, kWeights, slices, kPanel}, at::kFloat);
  constexpr int64_t kTogether = std::is_same_v<Number, float> ? 1 : 2;
  parallelFor(out * slices, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t kernel = i / slices, slice = i % slices, column = kernel % kPanel;
      const auto columns =
          transformedColumns<kStride>(taps + (kernel * in + slice * kSlice) * kTaps * kTaps);
      for (int64_t of = 0; of < kWeights; ++of) {
        const int64_t number = (kernel / kPanel * kWeights + of) * slices + slice;
        pack(columns[of],
             result.template data_ptr<Number>() + number * kSlice * kPanel + column * kTogether,
             scales.data_ptr<float>() + number * kPanel + column);
      }
    }
  });
  return {result, kTogether == 1 ? at::Tensor() : scales};
}

template <int64_t kStride>
PackedWeight transformedFor(const at::Tensor& weight, at::ScalarType activations) {
  return activations == at::kFloat ? transformedAs<float, kStride>(weight)
                                   : transformedAs<int16_t, kStride>(weight);
}

}  // namespace

PackedWeight transformed(const at::Tensor& weight, at::ScalarType activations, int64_t stride) {
  return stride == 1 ? transformedFor<1>(weight, activations)
                     : transformedFor<2>(weight, activations);
}

template <typename T>
void convolveByWinograd(const Call<T>& call) {
  call.shape.stride == 1 ? TiledConvolution<T, 1>{call}() : TiledConvolution<T, 2>{call}();
}

template void convolveByWinograd(const Call<float>& call);
template void convolveByWinograd(const Call<c10::BFloat16>& call);

}  // namespace moco::fused
