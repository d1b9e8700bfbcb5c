#include "addon/evaluator_request.h"

#include <utility>

#include "addon/gpu_options.h"
#include "addon/properties.h"
#include "addon/tensor_source.h"

namespace moco::addon {

EvaluatorRequest evaluatorRequest(const Napi::Object& options) {
  EvaluatorRequest request{};
  request.train = picturesView(child(options, "train"));
  request.test = picturesView(child(options, "test"));
  if (!isAbsent(options, "validation")) {
    request.validation = picturesView(child(options, "validation"));
  }
  request.classes = integer(options, "classes");
  request.model = tensorSource(child(options, "model"));
  request.options = {.train = {},
                     .test = {},
                     .validation = {},
                     .normalisation = normalisation(options),
                     .arch = string(options, "arch"),
                     .stem = string(options, "stem"),
                     .seed = static_cast<uint64_t>(integer(options, "seed")),
                     .device = string(options, "device"),
                     .precision = string(options, "precision"),
                     .dataThreads = integer(options, "dataThreads"),
                     .computeThreads = integer(options, "computeThreads"),
                     .arithmetic = gpuOptions(options).arithmetic};
  return request;
}

Napi::Array arraysOf(const Napi::Object& evaluatorOptions) {
  if (isAbsent(evaluatorOptions, "validation"))
    return arraysOf(evaluatorOptions, {"train", "test"});
  return arraysOf(evaluatorOptions, {"train", "test", "validation"});
}

EvaluatorOptions withStores(EvaluatorRequest request) {
  request.options.train = makeStore(request.train, request.classes);
  request.options.test = makeStore(request.test, request.classes);
  if (request.validation) {
    request.options.validation = makeStore(*request.validation, request.classes);
  }
  return std::move(request.options);
}

LinearOptions linearOptions(const Napi::Object& options) {
  return {.batchSize = integer(options, "batchSize"),
          .learningRate = number(options, "learningRate"),
          .weightDecay = number(options, "weightDecay"),
          .frozenBatchNorm = boolean(options, "frozenBatchNorm")};
}

SweepOptions sweepOptions(const Napi::Object& options) {
  return {.learningRates = numbers(options, "learningRates"),
          .batchSize = integer(options, "batchSize"),
          .epochs = integer(options, "epochs"),
          .weightDecay = number(options, "weightDecay")};
}

}  // namespace moco::addon
