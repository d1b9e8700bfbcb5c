#include "batch_norm_traffic.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/ops/cuda_batch_norm_kernels.h"
#include "cuda_runtime.h"
#include "memory_traffic.h"

namespace moco {
namespace {

using cuda::BatchNormShape;
using cuda::ElementType;

constexpr size_t kAlignment = 512;  // of memory on a GPU
constexpr int64_t kSectorBytes = 32;
constexpr unsigned char kPoison = 0xFF;  // NaN in fp32 and bf16

enum class Kind { kActivations, kMask, kOther };

/// Global memory of a kernel, poisoned.
class Memory {
 public:
  void* allocate(const std::string& name, Kind kind, int64_t bytes) {
    const auto size = static_cast<size_t>(bytes);
    blocks_.push_back(std::make_unique<unsigned char[]>(size + kAlignment));
    void* place = blocks_.back().get();
    size_t space = size + kAlignment;
    std::align(kAlignment, size, place, space);
    std::memset(place, kPoison, size);
    regions_.push_back({name, place, size});
    kinds_.push_back(kind);
    return place;
  }

  const std::vector<cuda_on_cpu::Region>& regions() const { return regions_; }
  Kind kind(size_t region) const { return kinds_[region]; }

 private:
  std::vector<std::unique_ptr<unsigned char[]>> blocks_;
  std::vector<cuda_on_cpu::Region> regions_;
  std::vector<Kind> kinds_;
};

int64_t bytesPerElement(ElementType type) { return type == ElementType::kFloat ? 4 : 2; }

/// All that BatchNorm's kernels take, filled with ones where they read.
struct Layer {
  explicit Layer(const BatchNormShape& shape)
      : shape(shape),
        activationBytes(shape.rows * shape.channels * bytesPerElement(shape.type)),
        x(input("x")),
        residual(input("residual")),
        dy(input("dy")),
        dyOther(input("dyOther")),
        y(output("y")),
        dx(output("dx")),
        dResidual(output("dResidual")),
        mask(static_cast<uint8_t*>(
            memory.allocate("mask", Kind::kMask, cuda::batchNormMask(shape)))),
        workspace(floats("workspace", cuda::batchNormWorkspace(shape))),
        counters(static_cast<unsigned*>(
            memory.allocate("counters", Kind::kOther, 4 * cuda::batchNormCounters(shape)))),
        mean(ones("mean", shape.groups * shape.channels)),
        inverseStd(ones("inverseStd", shape.groups * shape.channels)),
        weight(ones("weight", shape.channels)),
        bias(ones("bias", shape.channels)),
        runningMean(ones("running mean", shape.channels)),
        runningVar(ones("running variance", shape.channels)),
        sums(ones("sums", 2 * shape.groups * shape.channels)),
        dWeight(floats("dWeight", shape.channels)),
        dBias(floats("dBias", shape.channels)) {
    std::fill_n(counters, cuda::batchNormCounters(shape), 0U);
  }
  Layer(const Layer&) = delete;

  cuda::BatchNormAffine affine() const { return {mean, inverseStd, weight, bias}; }
  cuda::BatchNormScratch scratch() const { return {workspace, counters}; }

  BatchNormShape shape;
  int64_t activationBytes;
  Memory memory;
  void *x, *residual, *dy, *dyOther, *y, *dx, *dResidual;
  uint8_t* mask;
  float* workspace;
  unsigned* counters;
  float *mean, *inverseStd, *weight, *bias, *runningMean, *runningVar, *sums, *dWeight, *dBias;

 private:
  void* output(const std::string& name) {
    return memory.allocate(name, Kind::kActivations, activationBytes);
  }
  void* input(const std::string& name) {
    void* const place = output(name);
    std::memset(place, 0x3F, static_cast<size_t>(activationBytes));  // 0.75 in both types
    return place;
  }
  float* floats(const std::string& name, int64_t count) {
    return static_cast<float*>(memory.allocate(name, Kind::kOther, 4 * count));
  }
  float* ones(const std::string& name, int64_t count) {
    float* const place = floats(name, count);
    std::fill_n(place, count, 1.0F);
    return place;
  }
};

enum class MaskUse { kUnused, kRead, kWritten };

/// A kernel and the passes that the table in cuda_batch_norm_kernels.h has for it.
struct Promise {
  std::string name;
  Sweep sweep;
  double reads, writes;
  MaskUse mask;
  void* Layer::* output;  // null: the kernel writes no activations
  void (*start)(const Layer&);
};

constexpr float kEps = 1e-5F;

void startStatistics(const Layer& layer) {
  cuda::batchNormStatistics(layer.shape, layer.x, kEps, layer.mean, layer.inverseStd,
                            {layer.runningMean, layer.runningVar, 0.1F}, layer.scratch(), nullptr);
}

template <Epilogue kEpilogue, bool kHasMask>
void startApply(const Layer& layer) {
  cuda::batchNormApply(layer.shape, kEpilogue, layer.affine(), layer.x, layer.residual, layer.y,
                       kHasMask ? layer.mask : nullptr, nullptr);
}

template <Epilogue kEpilogue, bool kHasOther>
void startSums(const Layer& layer) {
  cuda::batchNormSums(layer.shape, kEpilogue, layer.affine(), layer.dy,
                      kHasOther ? layer.dyOther : nullptr, layer.x, layer.mask, layer.dResidual,
                      {layer.sums, layer.dWeight, layer.dBias}, layer.scratch(), nullptr);
}

template <Epilogue kEpilogue>
void startInputGradient(const Layer& layer) {
  cuda::batchNormInputGradient(layer.shape, kEpilogue, layer.affine(), layer.dy, layer.x,
                               layer.sums, layer.dx, nullptr);
}

const std::vector<Promise>& promises() {
  using enum Sweep;
  using enum MaskUse;
  static const std::vector<Promise> kPromises{
      {"statistics", kDown, 1, 0, kUnused, nullptr, startStatistics},
      {"apply", kUp, 1, 1, kUnused, &Layer::y, startApply<Epilogue::kNone, false>},
      {"apply, ReLU", kUp, 1, 1, kUnused, &Layer::y, startApply<Epilogue::kRelu, false>},
      {"apply, addition, ReLU", kUp, 2, 1, kWritten, &Layer::y,
       startApply<Epilogue::kAddRelu, true>},
      {"apply, addition, ReLU, no mask", kUp, 2, 1, kUnused, &Layer::y,
       startApply<Epilogue::kAddRelu, false>},
      {"sums", kUp, 2, 0, kUnused, nullptr, startSums<Epilogue::kNone, false>},
      {"sums, ReLU", kUp, 2, 0, kUnused, nullptr, startSums<Epilogue::kRelu, false>},
      {"sums, addition, ReLU", kUp, 2, 1, kRead, &Layer::dResidual,
       startSums<Epilogue::kAddRelu, false>},
      {"sums, addition, ReLU, two gradients", kUp, 3, 1, kRead, &Layer::dResidual,
       startSums<Epilogue::kAddRelu, true>},
      {"input gradient", kDown, 2, 1, kUnused, &Layer::dx, startInputGradient<Epilogue::kNone>},
      {"input gradient, ReLU", kDown, 2, 1, kUnused, &Layer::dx,
       startInputGradient<Epilogue::kRelu>},
  };
  return kPromises;
}

struct Shape {
  std::string name;
  BatchNormShape shape;
  bool isWide;
};

/// Rows that fill whole warps, so that every sector can be used: on one tile of channels, on two in
/// two groups; then, odd in everything.
const std::vector<Shape>& shapes() {
  static const std::vector<Shape> kShapes{
      {"bf16 (2048, 64)", {ElementType::kBFloat16, 2048, 64, 1}, true},
      {"bf16 (2 · 256, 512)", {ElementType::kBFloat16, 512, 512, 2}, true},
      {"fp32 (2048, 64)", {ElementType::kFloat, 2048, 64, 1}, true},
      {"bf16 (331, 17)", {ElementType::kBFloat16, 331, 17, 1}, false},
  };
  return kShapes;
}

/// Bytes of an output that are as they were before the kernel.
int64_t poisoned(const Layer& layer, const void* output) {
  const auto* const bytes = static_cast<const unsigned char*>(output);
  return std::count(bytes, bytes + layer.activationBytes, kPoison);
}

KernelTraffic trafficOf(const Promise& promise, const Shape& shape) {
  // The mask that the sums read says that all passes.
  const Layer layer(shape.shape);
  const auto counts = cuda_on_cpu::count(layer.memory.regions(), [&] { promise.start(layer); });
  const auto pass = static_cast<double>(layer.activationBytes);
  const auto mask = static_cast<double>(cuda::batchNormMask(shape.shape)) / pass;
  KernelTraffic traffic{};
  traffic.kernel = promise.name + ", " + shape.name;
  traffic.promisedReads = promise.reads + (promise.mask == MaskUse::kRead ? mask : 0);
  traffic.promisedWrites = promise.writes + (promise.mask == MaskUse::kWritten ? mask : 0);
  traffic.promisedSweep = promise.sweep;
  traffic.isWide = shape.isWide;
  traffic.bankConflicts = counts.bankConflicts;
  int64_t reads = 0;
  int64_t writes = 0;
  int64_t others = 0;
  int64_t up = 0;
  int64_t down = 0;
  for (size_t i = 0; i < counts.regions.size(); ++i) {
    const auto& region = counts.regions[i];
    const int64_t touched = kSectorBytes * (region.sectorsRead + region.sectorsWritten);
    if (layer.memory.kind(i) == Kind::kOther) {
      others += touched;
      continue;
    }
    reads += region.bytesRead;
    writes += region.bytesWritten;
    up += region.stepsUp;
    down += region.stepsDown;
    if (layer.memory.kind(i) == Kind::kMask) continue;
    traffic.wasted += touched - region.bytesRead - region.bytesWritten;
  }
  const bool isOneWay = (up == 0) != (down == 0);
  traffic.sweep = !isOneWay ? Sweep::kNeither : up > 0 ? Sweep::kUp : Sweep::kDown;
  traffic.reads = static_cast<double>(reads) / pass;
  traffic.writes = static_cast<double>(writes) / pass;
  traffic.others = static_cast<double>(others) / pass;
  if (promise.output) traffic.unwritten = poisoned(layer, layer.*promise.output);
  return traffic;
}

}  // namespace

std::vector<KernelTraffic> batchNormTraffic() {
  std::vector<KernelTraffic> table;
  for (const auto& shape : shapes()) {
    for (const auto& promise : promises()) table.push_back(trafficOf(promise, shape));
  }
  return table;
}

}  // namespace moco
