#include "core/run/memory_plan.h"

#include <ATen/ceil_div.h>
#include <c10/util/accumulate.h>

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/evaluate/frozen_backbone.h"
#include "core/evaluate/knn.h"
#include "core/evaluate/label_free_measures.h"
#include "core/evaluate/similarity_blocks.h"
#include "core/input/host_input_loader.h"
#include "core/model/encoder.h"
#include "core/model/folded_convolution.h"
#include "core/ops/fused_convolution.h"
#include "core/optimise/optimiser.h"

namespace moco {
namespace {

constexpr int64_t kMaster = 4;         // bytes of a number in fp32
constexpr int64_t kPixel = 3;          // bytes of a pixel
constexpr double kLargestShare = 0.9;  // a chosen batch may fill this much of the memory
// The smallest and largest batches that are chosen.
constexpr int64_t kLeastBatch = 32;
constexpr int64_t kMostBatchOnCpu = 256;
constexpr int64_t kMostBatchOnGpu = 1024;

using Layers = std::vector<Backbone::LayerSize>;

/// What decides about the memory that one encoder takes.
struct Network {
  int64_t parameters;       // elements
  int64_t otherParameters;  // elements of parameters that do not belong to convolutions
  int64_t featureDim;       // length of the backbone's feature
  Layers layers;
};

Network networkOf(const MemoryDemand& demand) {
  const TrainerSettings& settings = demand.settings;
  NetworkPlan plan;
  const EncoderLayers network(settings.encoder, plan);
  const Backbone& backbone = network.backbone;
  int64_t parameters = 0;
  for (const auto& [name, shape] : plan.parameters) parameters += c10::multiply_integers(shape);
  Layers layers = backbone.layerSizes(plan, settings.imageSize, settings.imageSize);
  int64_t others = parameters;
  for (const auto& layer : layers) others -= layer.weights;
  return {parameters, others, backbone.featureDim(), std::move(layers)};
}

/// Pixels of a view.
int64_t viewPixels(const MemoryDemand& demand) {
  return demand.settings.imageSize * demand.settings.imageSize;
}

/// Pixels of all views of one picture that a step trains on, in full size.
int64_t pixelsOfViews(const MemoryDemand& demand) {
  int64_t pixels = 0;
  for (const ViewPlan& view : viewPlans(demand.settings.views, demand.settings.imageSize)) {
    pixels += view.size * view.size;
  }
  return pixels;
}

/// Bytes of a number in the type that layers compute in.
int64_t bytesPer(const MemoryDemand& demand) {
  return demand.machine.precision.compute == at::kBFloat16 ? 2 : 4;
}

/// Two, or one that gives queries and keys.
int64_t encoders(const MemoryDemand& demand) {
  return demand.settings.contrast.keyEncoder == "shared" ? 1 : 2;
}

/// Views that the query encoder differentiates, as many of the settings' size as have their pixels:
/// those of the students, and with one encoder those of the teachers, too.
int64_t differentiatedViews(const MemoryDemand& demand) {
  int64_t pixels = 0;
  for (const ViewPlan& view : viewPlans(demand.settings.views, demand.settings.imageSize)) {
    if (view.student || encoders(demand) == 1) pixels += view.size * view.size;
  }
  return at::ceil_div(demand.settings.batchSize * pixels, viewPixels(demand));
}

int64_t modelBytes(const MemoryDemand& demand, int64_t parameters) {
  // The encoders, the gradient (and its sum over the batches of a step), and what the optimiser
  // remembers.
  const int64_t gradients = demand.settings.contrast.accumulate > 1 ? 2 : 1;
  const int64_t masters =
      encoders(demand) + gradients + numbersPerParameter(demand.settings.optimiser.optimiser);
  const int64_t copies = demand.machine.precision.compute == at::kFloat ? 0 : encoders(demand);
  return parameters * (masters * kMaster + copies * bytesPer(demand));
}

int64_t queueBytes(const MemoryDemand& demand) {
  return demand.settings.contrast.m * demand.settings.encoder.featureDim * kMaster;
}

/// Bytes of a copy of the encoders, what the optimiser remembers, and the queue.
int64_t snapshotBytes(const MemoryDemand& demand, int64_t parameters) {
  const int64_t copied =
      encoders(demand) + numbersPerParameter(demand.settings.optimiser.optimiser);
  return copied * parameters * kMaster + queueBytes(demand);
}

/// Bytes of one layer's output, for a batch.
int64_t outputBytes(const MemoryDemand& demand, const Backbone::LayerSize& layer, int64_t batch) {
  return batch * layer.channels * layer.positions * bytesPer(demand);
}

/// Bytes that autograd keeps of a layer for the backward pass: the convolution's output, which
/// BatchNorm needs, and BatchNorm's output, which ReLU and the next convolution need. The output of
/// a shortcut's BatchNorm is only added to the body's and not kept. Of a max-pool, its output and
/// the places that its numbers come from.
int64_t keptBytes(const MemoryDemand& demand, const Backbone::LayerSize& layer) {
  constexpr int64_t kPlace = 8;  // bytes
  const int64_t views = differentiatedViews(demand);
  const int64_t pooled = views * layer.channels * layer.pooledPositions;
  return outputBytes(demand, layer, views) * (layer.isShortcut ? 1 : 2) +
         pooled * (bytesPer(demand) + kPlace);
}

/// Pairs of a student and another view that is a teacher.
int64_t pairs(const MemoryDemand& demand) {
  int64_t students = 0, teachers = 0, both = 0;
  for (const ViewPlan& view : viewPlans(demand.settings.views, demand.settings.imageSize)) {
    if (view.student) ++students;
    if (view.teacher) ++teachers;
    if (view.student && view.teacher) ++both;
  }
  return students * teachers - both;
}

/// Bytes of the logits (B, 1 + m) of all pairs, their softmax, and its gradient.
int64_t lossBytes(const MemoryDemand& demand) {
  return pairs(demand) * 3 * kMaster * demand.settings.batchSize * (demand.settings.contrast.m + 1);
}

/// The most bytes that are in use at once during the backward pass, which releases the activations
/// layer by layer and adds the gradients of the weights.
int64_t stepBytes(const MemoryDemand& demand, const Network& network) {
  const auto& layers = network.layers;
  int64_t kept = 0;
  for (const auto& layer : layers) kept += keptBytes(demand, layer);
  int64_t gradients = network.otherParameters * bytesPer(demand);
  int64_t most = kept + lossBytes(demand);
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    // The gradients of the layer's output and input, and the gradient that waits for the block's
    // other branch.
    const int64_t passing = 3 * outputBytes(demand, *layer, differentiatedViews(demand));
    most = std::max(most, kept + passing + gradients);
    kept -= keptBytes(demand, *layer);
    gradients += layer->weights * bytesPer(demand);
  }
  // On the CPU the step reads views where they were made, and needs no copies.
  const int64_t views = demand.machine.device.is_cpu()
                            ? 0
                            : demand.settings.batchSize * pixelsOfViews(demand) * kPixel;
  const int64_t staticViews = demand.machine.recorders ? views : 0;
  return std::max(most, gradients) + (views + staticViews) * bytesPer(demand);
}

/// Bytes of the test pictures' features and neighbours, and of what it takes to find those.
int64_t votesBytes(const MemoryDemand& demand, int64_t featureLength) {
  if (!demand.canVote) return 0;
  const int64_t queries = demand.testPictures;
  const int64_t features = 2 * queries * featureLength * kMaster;
  const int64_t neighbours = queries * demand.settings.k * (kMaster + 8);
  if (demand.machine.device.is_cpu()) return features + neighbours;
  const int64_t piece = KnnVote::pieceLength(demand.machine.device, queries);
  const int64_t selected = queries * std::min(piece, demand.trainPictures) * kSelectedBytes;
  const int64_t sorted = queries * demand.settings.k * kSortedBytes;
  return features + neighbours + piece * featureLength * kMaster + selected + sorted;
}

/// The number of pictures that an evaluation computes at once.
int64_t chunkLength(const MemoryDemand& demand, const Network& network) {
  return FrozenBackbone::chunkLength(demand.machine.device, network.layers.front().positions);
}

/// Bytes of what is measured without labels: the features and projections of two views, in fp32 and
/// normalised, and in fp64 of one; the singular values' matrix; a block of similarities with what
/// is made of it; and a chunk's views.
int64_t measuresBytes(const MemoryDemand& demand, const Network& network) {
  const int64_t pictures = std::min(demand.testPictures, kMostMeasuredPictures);
  const int64_t featureLength = network.featureDim;
  const int64_t vectors = featureLength + demand.settings.encoder.featureDim;
  const int64_t gram = std::min(pictures, featureLength);
  const int64_t chunk = std::min(pictures, chunkLength(demand, network));
  return pictures * vectors * (4 * kMaster + 8) + 3 * gram * gram * 8 +
         kSimilarityRowsAtOnce * pictures * (3 * kMaster + kSelectedBytes) +
         chunk * (demand.height * demand.width + viewPixels(demand) * kMaster) * kPixel;
}

/// Bytes of the folded weights, and of those that our own kernels for the CPU pack; a layer's are
/// packed beside those that it has.
int64_t foldedBytes(const MemoryDemand& demand, const Network& network) {
  const int64_t folded = network.parameters * bytesPer(demand);
  const auto compute = demand.machine.precision.compute;
  const auto options = at::TensorOptions(demand.machine.device).dtype(compute);
  if (fastestKernels(options) != ConvolutionKernels::kOwn) return folded;
  int64_t packed = 0;
  int64_t largest = 0;
  for (const auto& layer : network.layers) {
    const int64_t bytes =
        FusedConvolution::packedBytes(layer.weights, layer.kernel, layer.stride, compute);
    packed += bytes;
    largest = std::max(largest, bytes);
  }
  return folded + packed + largest;
}

/// Bytes of a chunk's activations, pictures and features. With a CUDA graph they are needed twice:
/// the graph keeps those that it was recorded with, and a store that is smaller than a chunk is
/// computed without it, in memory of its own. A GPU's fused convolutions add zeros, which take as
/// much as the largest layer's output.
int64_t chunkBytes(const MemoryDemand& demand, const Network& network) {
  const int64_t chunk =
      std::min(chunkLength(demand, network), std::max(demand.trainPictures, demand.testPictures));
  int64_t largest = 0;
  for (const auto& layer : network.layers) {
    largest = std::max(largest, outputBytes(demand, layer, chunk));
  }
  const int64_t picture = viewPixels(demand) * kPixel + network.featureDim * kMaster;
  const int64_t zeros = demand.machine.device.is_cpu() ? 0 : largest;
  return (demand.machine.recorders ? 2 : 1) * (3 * largest + chunk * picture) + zeros;
}

int64_t evaluationBytes(const MemoryDemand& demand, const Network& network) {
  return foldedBytes(demand, network) + chunkBytes(demand, network) +
         std::max(votesBytes(demand, network.featureDim), measuresBytes(demand, network));
}

int64_t picturesBytes(const MemoryDemand& demand) {
  const bool areHeld = !demand.picturesStayInFile || !demand.machine.device.is_cpu();
  const int64_t pictures = areHeld ? demand.trainPictures + demand.testPictures : 0;
  const int64_t pixels = pictures * demand.height * demand.width;
  const int64_t batches =
      HostInputLoader::batchesInMemory(demand.machine.dataThreads) * demand.settings.batchSize;
  return (pixels + batches * pixelsOfViews(demand) * bytesPer(demand)) * kPixel;
}

/// The largest power of two that is at most `count`.
int64_t powerOfTwo(int64_t count) {
  int64_t power = 1;
  while (2 * power <= count) power *= 2;
  return power;
}

}  // namespace

MemoryPlan planMemory(const MemoryDemand& demand) {
  const Network network = networkOf(demand);
  MemoryPlan plan{.model = modelBytes(demand, network.parameters),
                  .queue = queueBytes(demand),
                  .pictures = picturesBytes(demand),
                  .step = stepBytes(demand, network),
                  .evaluation = evaluationBytes(demand, network),
                  .snapshot = snapshotBytes(demand, network.parameters),
                  .libraries = demand.machine.device.is_cpu() ? 0 : kLibraryBytes,
                  .peak = 0};
  // Steps and evaluations use the same memory one after the other, but for the folded weights,
  // which stay from one evaluation to the next. CUDA graphs, however, keep all the memory of both.
  const int64_t work = demand.machine.recorders
                           ? plan.step + plan.evaluation
                           : std::max(plan.step + foldedBytes(demand, network), plan.evaluation);
  plan.peak = plan.model + plan.queue + plan.pictures + plan.snapshot + plan.libraries + work;
  return plan;
}

std::optional<int64_t> largestBatch(MemoryDemand demand, int64_t least, int64_t most,
                                    int64_t available) {
  const double room = kLargestShare * static_cast<double>(available);
  for (int64_t batch = powerOfTwo(most); batch >= least; batch /= 2) {
    demand.settings.batchSize = batch;
    if (static_cast<double>(planMemory(demand).peak) <= room) return batch;
  }
  return {};
}

int64_t chooseBatch(const MemoryDemand& demand, int64_t available) {
  const int64_t onDevice = demand.machine.device.is_cpu() ? kMostBatchOnCpu : kMostBatchOnGpu;
  const int64_t most = powerOfTwo(std::min(onDevice, demand.trainPictures));
  const int64_t least = std::min(kLeastBatch, most);
  if (const auto batch = largestBatch(demand, least, most, available)) return *batch;
  MemoryDemand smallest = demand;
  smallest.settings.batchSize = least;
  throw Error(
      "ERR_MOCO_OUT_OF_MEMORY",
      "batchSize auto: even " + std::to_string(least) + " pictures would take " +
          gibibytes(planMemory(smallest).peak) + " of the " + gibibytes(available) +
          " that are there",
      "Lower m, k or featureDim, or choose a smaller arch; or name a smaller --batch-size.");
}

std::string gibibytes(int64_t bytes) {
  const double mebibytes = static_cast<double>(bytes) / (1 << 20);
  char text[32];
  if (mebibytes < 1024) {
    std::snprintf(text, sizeof(text), "%.0f MiB", mebibytes);
  } else {
    std::snprintf(text, sizeof(text), "%.1f GiB", mebibytes / 1024);
  }
  return text;
}

}  // namespace moco
