#include "core/input/make_views.h"

#include <doctest/doctest.h>

#include <utility>

#include "core/input/augment.h"
#include "core/input/view_parameters.h"
#include "support/byte_table.h"
#ifndef MOCO_CUDA_KERNELS
#include "core/input/cuda_views.cu"  // for the CPU: see cuda_on_cpu/cuda_runtime.h
#endif

using namespace moco;

namespace {

/// The inputs of `makeViews`.
struct Batch {
  at::Tensor pixels, pictures, draws, table;
  int64_t height, width;  // of the views
  ViewTransform transform = {};

  at::Tensor emptyInput() const {
    return at::empty({pictures.size(0), 3, height, width},
                     table.options().memory_format(at::MemoryFormat::ChannelsLast));
  }
};

/// Random pictures, with draws as in training.
Batch trainingBatch(int64_t views, int64_t height, int64_t width, at::ScalarType dtype,
                    const ViewTransform& transform = {}) {
  constexpr int64_t kPictures = 5;
  const Normalisation cifar10{at::tensor({.4914f, .4822f, .4465f}),
                              at::tensor({.2023f, .1994f, .2010f})};
  // Drawn as for so many different pictures, so that no draw comes twice.
  const auto draws = drawViews({.seed = 7, .epoch = 1, .view = 0, .transform = transform},
                               at::arange(views), height, width);
  return {at::randint(256, {kPictures, height, width, 3}, at::kByte),
          at::randint(kPictures, {views}, at::kLong),
          draws,
          normalisedBytes(cifar10, dtype),
          height,
          width,
          transform};
}

at::Tensor byPlainVersion(const Batch& batch) {
  auto input = batch.emptyInput();
  makeViews(batch.pixels, batch.pictures, batch.draws, batch.table, input, batch.transform);
  return input;
}

#ifdef MOCO_CUDA_KERNELS

bool hasKernel() { return at::hasCUDA(); }

at::Tensor byKernel(const Batch& batch) {
  const auto there = [](const at::Tensor& tensor) { return tensor.to(at::kCUDA); };
  const Batch onGpu{there(batch.pixels), there(batch.pictures), there(batch.draws),
                    there(batch.table),  batch.height,          batch.width,
                    batch.transform};
  auto input = onGpu.emptyInput();
  makeViews(onGpu.pixels, onGpu.pictures, onGpu.draws, onGpu.table, input, onGpu.transform);
  return input.cpu();
}

#else

bool hasKernel() { return true; }

template <class Entry>
void runKernel(const Batch& batch, const at::Tensor& table, const at::Tensor& input) {
  const cuda::Pictures pictures{batch.pixels.const_data_ptr<uint8_t>(),
                                static_cast<int32_t>(batch.pixels.size(1)),
                                static_cast<int32_t>(batch.pixels.size(2))};
  const cuda::Size size{static_cast<int32_t>(input.size(2)), static_cast<int32_t>(input.size(3))};
  cuda::makeViews(pictures, batch.pictures.const_data_ptr<int64_t>(), drawsIn(batch.draws),
                  batch.pictures.size(0), size, batch.transform.bicubic,
                  static_cast<const Entry*>(table.const_data_ptr()),
                  static_cast<Entry*>(input.mutable_data_ptr()), nullptr);
}

template <class Entry>
void runKernels(const Batch& batch, const at::Tensor& input) {
  if (!batch.transform.blursOrSolarises()) return runKernel<Entry>(batch, batch.table, input);
  const auto bytes = at::empty_like(input, at::kByte);
  const auto scratch = at::empty_like(bytes);
  runKernel<uint8_t>(batch, bytesThemselves(at::kCPU), bytes);
  cuda::finishViews(bytes.mutable_data_ptr<uint8_t>(), scratch.mutable_data_ptr<uint8_t>(),
                    drawsIn(batch.draws), batch.pictures.size(0),
                    {static_cast<int32_t>(input.size(2)), static_cast<int32_t>(input.size(3))},
                    static_cast<const Entry*>(batch.table.const_data_ptr()),
                    static_cast<Entry*>(input.mutable_data_ptr()), nullptr);
}

at::Tensor byKernel(const Batch& batch) {
  auto input = batch.emptyInput();
  const auto run = input.scalar_type() == at::kFloat ? runKernels<float> : runKernels<uint16_t>;
  run(batch, input);
  return input;
}

#endif

}  // namespace

TEST_CASE("the kernel's views of any size are the CPU's, normalised, bit for bit") {
  if (!hasKernel()) return;
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    for (const auto& [height, width] : {std::pair{32, 32}, {1, 1}, {17, 23}, {64, 48}, {5, 300}}) {
      INFO(height, " x ", width, ", ", dtype);
      const Batch batch = trainingBatch(400, height, width, dtype);
      const auto input = byKernel(batch);
      CHECK(input.is_contiguous(at::MemoryFormat::ChannelsLast));
      CHECK(input.equal(byPlainVersion(batch)));
    }
  }
}

TEST_CASE("the kernel's views are larger and smaller than the pictures, as the CPU's") {
  if (!hasKernel()) return;
  for (const auto& [height, width] : {std::pair{64, 64}, {72, 72}, {33, 80}, {96, 40}, {9, 7}}) {
    INFO("72 x 72 to ", height, " x ", width);
    Batch batch = trainingBatch(100, 72, 72, at::kFloat);
    batch.height = height;
    batch.width = width;
    CHECK(byKernel(batch).equal(byPlainVersion(batch)));
  }
}

TEST_CASE("the kernels blur, solarise and resize bicubically as the CPU does, bit for bit") {
  if (!hasKernel()) return;
  const ViewTransform all{
      .bicubic = true, .hue = 0.0, .blur = 0.5, .blurSigma = {0.1, 6.0}, .solarise = 0.5};
  const ViewTransform blurred{.blur = 1.0};
  const ViewTransform bicubic{.bicubic = true, .cropScale = {0.3, 1.0}};
  for (const ViewTransform& transform : {all, blurred, bicubic}) {
    for (const auto& [height, width] : {std::pair{32, 32}, {1, 1}, {5, 23}, {64, 8}}) {
      INFO(height, " x ", width, ", bicubic ", transform.bicubic, ", blur ", transform.blur);
      Batch batch = trainingBatch(60, 32, 32, at::kFloat, transform);
      batch.height = height;
      batch.width = width;
      CHECK(byKernel(batch).equal(byPlainVersion(batch)));
    }
  }
  const Batch batch = trainingBatch(60, 16, 16, at::kBFloat16, all);
  CHECK(byKernel(batch).equal(byPlainVersion(batch)));
}

TEST_CASE("thousands of the kernel's views of 32 × 32 pixels are the CPU's, bit for bit") {
  if (!hasKernel()) return;
  const Batch batch = trainingBatch(5000, 32, 32, at::kFloat);
  CHECK(byKernel(batch).equal(byPlainVersion(batch)));
}

TEST_CASE("the plain version is `applyView` and `normalise`") {
  const auto bytes = byteTable();
  const Normalisation normalisation{at::tensor({.1f, .2f, .3f}), at::tensor({.7f, .6f, .5f})};
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    Batch batch = trainingBatch(10, 9, 12, dtype);
    batch.table = normalisedBytes(normalisation, dtype);
    const auto views = at::empty({10, 9, 12, 3}, at::kFloat);
    for (int64_t i = 0; i < 10; ++i) {
      const auto picture = batch.pixels[batch.pictures[i].item<int64_t>()];
      applyView(picture.const_data_ptr<uint8_t>(), 12, drawsIn(batch.draws)[i], 9, 12, bytes.data(),
                views[i].mutable_data_ptr<float>());
    }
    CHECK(byPlainVersion(batch).equal(normalise(views.to(at::kByte), normalisation, dtype)));
  }
}

TEST_CASE("views are not written to a tensor of another shape, layout or type") {
  const Batch batch = trainingBatch(4, 8, 8, at::kFloat);
  const auto make = [&](const at::Tensor& input) {
    makeViews(batch.pixels, batch.pictures, batch.draws, batch.table, input);
  };
  CHECK_THROWS_AS(make(at::empty({4, 3, 8, 8})), c10::Error);  // not channels last
  CHECK_THROWS_AS(make(batch.emptyInput().narrow(0, 0, 3)), c10::Error);
  CHECK_THROWS_AS(make(batch.emptyInput().to(at::kDouble)), c10::Error);
}
