#include "addon/trainer_request.h"

#include <utility>

#include "addon/gpu_options.h"
#include "addon/properties.h"
#include "addon/tensor_source.h"

namespace moco::addon {

TrainerRequest trainerRequest(const Napi::Object& options) {
  TrainerRequest request{};
  const GpuOptions gpu = gpuOptions(options);
  request.train = picturesView(child(options, "train"));
  request.test = picturesView(child(options, "test"));
  request.classes = integer(options, "classes");
  request.options = {.train = {},
                     .test = {},
                     .normalisation = normalisation(options),
                     .arch = string(options, "arch"),
                     .featureDim = integer(options, "featureDim"),
                     .queueLength = integer(options, "queueLength"),
                     .temperature = number(options, "temperature"),
                     .momentum = number(options, "momentum"),
                     .neighbours = integer(options, "neighbours"),
                     .batchSize = integer(options, "batchSize"),
                     .batchNormGroups = integer(options, "batchNormGroups"),
                     .learningRate = number(options, "learningRate"),
                     .weightDecay = number(options, "weightDecay"),
                     .seed = static_cast<uint64_t>(integer(options, "seed")),
                     .device = string(options, "device"),
                     .precision = string(options, "precision"),
                     .dataThreads = integer(options, "dataThreads"),
                     .computeThreads = integer(options, "computeThreads"),
                     .arithmetic = gpu.arithmetic,
                     .cudaGraph = gpu.cudaGraph,
                     .checkpoint = {}};
  if (!isAbsent(options, "checkpoint")) {
    request.options.checkpoint = tensorSource(child(options, "checkpoint"));
  }
  return request;
}

TrainerOptions withStores(TrainerRequest request) {
  request.options.train = makeStore(request.train, request.classes);
  request.options.test = makeStore(request.test, request.classes);
  return std::move(request.options);
}

}  // namespace moco::addon
