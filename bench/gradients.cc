// Measures how far the gradient of a training step in bf16 is from that in fp32, with the same weights and
// pictures, early in a run and later: ResNet-18 on random smooth pictures. It tells whether the error is
// noise, which differs from batch to batch, or adds up from step to step.
//
//   cmake --build build/native --target gradients_bench
//   build/native/Release/gradients_bench [batches 12] [threads 2]

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "command_line.h"
#include "core/contrast/moco.h"
#include "core/device/caching_allocator.h"
#include "core/device/device.h"
#include "core/input/input_loader.h"

using namespace moco;

namespace {

constexpr int64_t kBatch = 64;
constexpr int64_t kPictures = 2048;
/// After how many training steps, in bf16, the gradients are compared.
constexpr std::array<int64_t, 2> kStepsBefore{20, 180};

MocoOptions options(at::ScalarType compute) {
  return {.encoder = {.settings = {.arch = "resnet18", .featureDim = 128}, .device = at::kCPU, .compute = compute},
          .contrast = {.m = 1024, .temperature = 0.1, .momentum = 0.99},
          .optimiser = {.learningRate = 5e-4, .weightDecay = 1e-6},
          .seed = 0};
}

/// Pictures of large spots of colour, different in each picture.
ImageStore smoothPictures() {
  at::manual_seed(0);
  const auto spots = at::upsample_bicubic2d(at::rand({kPictures, 3, 4, 4}), {32, 32}, false);
  const auto pixels = (spots.clamp(0, 1) * 255).to(at::kByte).permute({0, 2, 3, 1}).contiguous();
  return {pixels, at::zeros({kPictures}, at::kLong), 1};
}

/// An endless sequence of batches of views: one epoch after the other.
class Batches {
 public:
  Batches()
      : store_(smoothPictures()),
        loader_(makeInputLoader(
            store_, {.device = at::kCPU,
                     .compute = at::kFloat,
                     .normalisation = {at::full({3}, 0.5f), at::full({3}, 0.25f)},
                     .views = {ViewPlan{32}, ViewPlan{32}},
                     .batchSize = kBatch,
                     .seed = 0,
                     .threads = 1})) {}

  std::vector<at::Tensor> next() {
    if (count_++ % loader_->batchesPerEpoch() == 0) loader_->startEpoch(++epoch_);
    return loader_->next();
  }

 private:
  ImageStore store_;
  std::unique_ptr<InputLoader> loader_;
  int64_t count_ = 0;
  uint32_t epoch_ = 0;
};

StepResult step(Moco& moco, const std::vector<at::Tensor>& views) {
  const auto type = moco.queryEncoder().options().compute;
  return moco.step({.views = {{.pictures = views[0].to(type), .student = true, .teacher = false},
                              {.pictures = views[1].to(type), .student = false, .teacher = true}}});
}

/// Loss and gradient of the one training step that follows `state`.
struct Gradient {
  Gradient(Moco& moco, const StateDict& state, const std::vector<at::Tensor>& views) {
    moco.restore(state);
    loss = step(moco, views).loss;
    flat = moco.gradients().flat().to(at::kDouble);
  }

  double loss;
  at::Tensor flat;
};

StateDict copyOf(const StateDict& state) {
  StateDict copy;
  for (const auto& [name, tensor] : state) copy.emplace_back(name, tensor.clone());
  return copy;
}

double norm2(const at::Tensor& x) { return x.dot(x).item<double>(); }

/// Compares the gradients by all parameters in bf16 and fp32, over several batches that all start from
/// the same state, and prints a row of the table.
void compare(int64_t stepsBefore, Moco& bf16, Moco& fp32, Batches& batches, int64_t count) {
  const StateDict state = copyOf(bf16.state());
  at::Tensor sum;  // of the errors
  double errors = 0, gradients = 0, products = 0, loss = 0;
  for (int64_t batch = 0; batch < count; ++batch) {
    const auto pictures = batches.next();
    const Gradient exact(fp32, state, pictures), rounded(bf16, state, pictures);
    const auto error = rounded.flat - exact.flat;
    sum = sum.defined() ? sum + error : error;
    errors += norm2(error);
    gradients += norm2(exact.flat);
    products += error.dot(exact.flat).item<double>();
    loss += (rounded.loss - exact.loss) / static_cast<double>(count);
  }
  bf16.restore(state);
  std::printf("| %d | %.1f %% | %+.2f %% | %.2f | %+.4f |\n", int(stepsBefore),
              100 * std::sqrt(errors / gradients), 100 * products / gradients,
              std::sqrt(norm2(sum) / errors), loss);
}

}  // namespace

int main(int argc, char** argv) {
  if (!cpuHasBf16()) {
    std::puts("this processor has no bf16 instructions");
    return EXIT_FAILURE;
  }
  installCachingAllocator();
  at::set_num_threads(static_cast<int>(argument(argc, argv, 2, 2)));
  Moco bf16(options(at::kBFloat16)), fp32(options(at::kFloat));
  Batches batches;
  std::puts(
      "error: its norm by the gradient's; along it: its part along the gradient;\n"
      "adds up: norm of the errors' sum by the root of their squares' (1: independent noise)\n\n"
      "| steps before | error | along the gradient | adds up | loss, bf16 − fp32 |\n"
      "|---|---|---|---|---|");
  int64_t done = 0;
  for (const int64_t stepsBefore : kStepsBefore) {
    for (; done < stepsBefore; ++done) step(bf16, batches.next());
    compare(stepsBefore, bf16, fp32, batches, argument(argc, argv, 1, 12));
  }
}
