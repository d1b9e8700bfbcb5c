#include "addon/convert.h"

#include <utility>

#include "addon/properties.h"
#include "addon/tensor_source.h"

namespace moco::addon {
namespace {

PicturesView pictures(const Napi::Object& object) {
  PicturesView view{};
  view.count = integer(object, "count");
  view.height = integer(object, "height");
  view.width = integer(object, "width");
  view.pixels = bytes(object, "pixels", view.count * 3 * view.height * view.width);
  view.labels = bytes(object, "labels", view.count);
  return view;
}

at::Tensor channels(const Napi::Object& object, const char* key) {
  const Napi::Object values = child(object, key);
  at::Tensor tensor = at::empty({3}, at::kFloat);
  for (uint32_t channel = 0; channel < 3; ++channel) {
    tensor[channel] = values.Get(channel).ToNumber().DoubleValue();
  }
  return tensor;
}

ImageStore store(const PicturesView& view, int64_t classes) {
  return makeImageStore(view.pixels, view.labels, view.count, view.height, view.width, classes);
}

}  // namespace

TrainerRequest trainerRequest(const Napi::Object& options) {
  TrainerRequest request{};
  request.train = pictures(child(options, "train"));
  request.test = pictures(child(options, "test"));
  request.classes = integer(options, "classes");
  request.options = {.train = {},
                     .test = {},
                     .normalisation = {channels(options, "mean"), channels(options, "std")},
                     .arch = string(options, "arch"),
                     .featureDim = integer(options, "featureDim"),
                     .queueLength = integer(options, "queueLength"),
                     .temperature = number(options, "temperature"),
                     .momentum = number(options, "momentum"),
                     .neighbours = integer(options, "neighbours"),
                     .batchSize = integer(options, "batchSize"),
                     .learningRate = number(options, "learningRate"),
                     .weightDecay = number(options, "weightDecay"),
                     .seed = static_cast<uint64_t>(integer(options, "seed")),
                     .device = string(options, "device"),
                     .precision = string(options, "precision"),
                     .dataThreads = integer(options, "dataThreads"),
                     .computeThreads = integer(options, "computeThreads"),
                     .checkpoint = {}};
  if (!isAbsent(options, "checkpoint")) {
    request.options.checkpoint = tensorSource(child(options, "checkpoint"));
  }
  return request;
}

Napi::Array bytesOf(const Napi::Object& options) {
  Napi::Array arrays = Napi::Array::New(options.Env());
  for (const char* split : {"train", "test"}) {
    for (const char* key : {"pixels", "labels"}) {
      arrays.Set(arrays.Length(), child(options, split).Get(key));
    }
  }
  return arrays;
}

TrainerOptions withStores(TrainerRequest request) {
  request.options.train = store(request.train, request.classes);
  request.options.test = store(request.test, request.classes);
  return std::move(request.options);
}

TrainerDescription describe(Trainer& trainer) {
  return {.device = trainer.device().str(),
          .deviceName = deviceName(trainer.device()),
          .precision = trainer.precision().compute == at::kBFloat16 ? "bf16" : "fp32",
          .precisionReason = trainer.precision().reason,
          .computeThreads = trainer.computeThreads(),
          .dataThreads = trainer.dataThreads(),
          .parameters = trainer.parameters(),
          .stepsPerEpoch = trainer.stepsPerEpoch()};
}

Napi::Object descriptionObject(Napi::Env env, const TrainerDescription& description) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("device", description.device);
  object.Set("deviceName", description.deviceName);
  object.Set("precision", description.precision);
  object.Set("precisionReason", description.precisionReason);
  object.Set("computeThreads", static_cast<double>(description.computeThreads));
  object.Set("dataThreads", static_cast<double>(description.dataThreads));
  object.Set("parameters", static_cast<double>(description.parameters));
  object.Set("stepsPerEpoch", static_cast<double>(description.stepsPerEpoch));
  return object;
}

}  // namespace moco::addon
