#include "core/run/embedder.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/device/caching_allocator.h"
#include "core/ops/normalise_rows.h"

namespace moco {
namespace {

constexpr int64_t kChannels = 3;

at::Tensor channels(const std::vector<double>& values, const at::Device& device) {
  return at::tensor(values, at::kFloat).to(device);
}

TestView viewOf(const EmbedderSettings& settings, const at::Device& device) {
  return {.normalisation = {channels(settings.mean, device), channels(settings.std, device)},
          .imageSize = settings.imageSize,
          .cropShare = settings.cropShare};
}

int64_t chosenBatchSize(const std::optional<int64_t>& asked, int64_t otherwise) {
  if (!asked) return otherwise;
  if (*asked > 0) return *asked;
  throw Error("ERR_MOCO_CONFIG", "batchSize: " + std::to_string(*asked) + " is not positive",
              "Give a positive number, or auto.");
}

bool isFinite(const at::Tensor& tensor) { return tensor.isfinite().all().item<bool>(); }

/// Rows of a function that computes each row alone.
template <class Function>
at::Tensor oneByOne(const at::Tensor& input, const Function& function) {
  std::vector<at::Tensor> rows;
  rows.reserve(input.size(0));
  for (int64_t i = 0; i < input.size(0); ++i) rows.push_back(function(input.slice(0, i, i + 1)));
  return at::cat(rows);
}

}  // namespace

Embedder::Embedder(EmbedderSettings settings, const StateDict& model)
    : settings_(std::move(settings)),
      machine_(resolveMachine(settings_.compute)),
      side_(settings_.side.value_or(
          std::llround(static_cast<double>(settings_.imageSize) / settings_.cropShare))) {
  setUpMachine(machine_, settings_.compute);
  encoder_.emplace(EncoderOptions{.settings = settings_.encoder,
                                  .device = machine_.device,
                                  .compute = machine_.precision.compute});
  encoder_->loadState(model);
  backbone_.emplace(*encoder_, viewOf(settings_, machine_.device));
  batchSize_ = chosenBatchSize(settings_.batchSize, backbone_->chunkLength());
  backbone_->refold();
  const at::NoGradGuard noGrad;
  if (backbone_->isFinite() && moco::isFinite(encoder_->parameters().flat().sum()) &&
      moco::isFinite(encoder_->statistics().flat().sum()))
    return;
  throw Error("ERR_MOCO_NON_FINITE", "the model has values that are NaN or infinite",
              "The training that wrote it had diverged: take the model of an earlier epoch.");
}

Embedder::~Embedder() {
  backbone_.reset();
  encoder_.reset();
  if (machine_.device.is_cpu()) releaseCachedMemory();
}

int64_t Embedder::heldBytes() const {
  const auto bytesPer = static_cast<int64_t>(c10::elementSize(machine_.precision.compute));
  const bool copies = machine_.precision.compute != at::kFloat;
  // The parameters in fp32, their copies in the type that is computed in, the folded ones, and
  // those once more as kernels want them.
  return parameters() * (static_cast<int64_t>(sizeof(float)) + (copies ? 2 : 1) * bytesPer) +
         backbone_->packedBytes();
}

bool Embedder::embedBatch(EmbedQueue& queue) {
  const Parts parts = queue.take(batchSize_);
  if (parts.empty()) return false;
  const at::NoGradGuard noGrad;
  embed(queue, parts);
  return true;
}

void Embedder::embed(EmbedQueue& queue, const Parts& parts) {
  at::Tensor all;
  try {
    const auto pixels = gathered(parts);
    const auto start = std::chrono::steady_clock::now();
    all = features(pixels);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    queue.addSeconds(elapsed.count());
  } catch (...) {
    const Failure failure = describe(std::current_exception());
    if (parts.size() == 1) return queue.end(parts.front().entry, failure);
  }
  if (!all.defined()) {
    for (const auto& part : parts) embed(queue, {part});
    return;
  }
  int64_t row = 0;
  for (const auto& part : parts) {
    const int64_t end = row + part.end - part.begin;
    finish(queue, part, all.slice(0, row, end));
    row = end;
  }
}

at::Tensor Embedder::gathered(const Parts& parts) const {
  int64_t count = 0;
  for (const auto& part : parts) count += part.end - part.begin;
  const auto pixels = at::empty({count, side_, side_, kChannels}, at::kByte);
  auto* target = pixels.mutable_data_ptr<uint8_t>();
  const int64_t bytes = side_ * side_ * kChannels;
  for (const auto& part : parts) {
    const int64_t length = (part.end - part.begin) * bytes;
    std::memcpy(target, part.entry->request.pixels.get() + part.begin * bytes, length);
    target += length;
  }
  return pixels;
}

at::Tensor Embedder::features(const at::Tensor& pixels) {
  const auto compute = [&](const at::Tensor& some) { return backbone_->featuresOf(some); };
  return settings_.batchInvariant ? oneByOne(pixels, compute) : compute(pixels);
}

at::Tensor Embedder::projection(const at::Tensor& features) {
  const auto input = features.to(machine_.precision.compute);
  const auto compute = [&](const at::Tensor& some) {
    return encoder_->head(some, Mode::kEvaluate);
  };
  return settings_.batchInvariant ? oneByOne(input, compute) : compute(input);
}

at::Tensor Embedder::rows(const EmbedRequest& request, const at::Tensor& features) {
  at::Tensor rows = request.output == EmbedOutput::kProjection ? projection(features) : features;
  if (request.normalise) rows = normaliseRows(rows);
  rows = rows.to(at::kCPU);
  if (!isFinite(rows)) {
    throw Error("ERR_MOCO_NON_FINITE", "the features of a picture are NaN or infinite",
                "The model's weights are too large to compute with: try precision fp32.");
  }
  if (request.type == EmbedType::kFloat) return rows.contiguous();
  const auto halves = rows.to(at::kHalf).contiguous();
  if (isFinite(halves)) return halves;
  throw Error("ERR_MOCO_NON_FINITE", "the features of a picture are too large for fp16",
              "Take fp32, or normalise them.");
}

void Embedder::finish(EmbedQueue& queue, const EmbedQueue::Part& part, const at::Tensor& features) {
  EmbedQueue::Entry& entry = *part.entry;
  try {
    const auto computed = rows(entry.request, features);
    const auto bytes = static_cast<int64_t>(computed.nbytes());
    const int64_t each = bytes / computed.size(0);
    entry.rows.dims = computed.size(1);
    entry.rows.data.resize(entry.request.count * each);
    std::memcpy(entry.rows.data.data() + part.begin * each, computed.const_data_ptr(), bytes);
  } catch (...) {
    return queue.end(part.entry, describe(std::current_exception()));
  }
  entry.computed += part.end - part.begin;
  if (entry.computed == entry.request.count) {
    queue.end(part.entry, std::move(entry.rows));
  }
}

}  // namespace moco
