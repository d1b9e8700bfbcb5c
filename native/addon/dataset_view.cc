#include "addon/dataset_view.h"

#include "addon/properties.h"

namespace moco::addon {
namespace {

/// One number for each of R, G and B.
at::Tensor channels(const Napi::Object& dataset, const char* key) {
  const Napi::Object values = child(dataset, key);
  at::Tensor tensor = at::empty({3}, at::kFloat);
  for (uint32_t channel = 0; channel < 3; ++channel) {
    tensor[channel] = values.Get(channel).ToNumber().DoubleValue();
  }
  return tensor;
}

}  // namespace

DatasetView datasetView(const Napi::Object& dataset) {
  DatasetView view{.train = picturesView(child(dataset, "train")),
                   .test = picturesView(child(dataset, "test")),
                   .validation = {},
                   .classes = child(dataset, "classes").As<Napi::Array>().Length(),
                   .normalisation = {channels(dataset, "mean"), channels(dataset, "std")}};
  if (!isAbsent(dataset, "validation")) {
    view.validation = picturesView(child(dataset, "validation"));
  }
  return view;
}

Napi::Array arraysOf(const Napi::Object& dataset) {
  Napi::Array arrays = Napi::Array::New(dataset.Env());
  for (const char* split : {"train", "test", "validation"}) {
    if (isAbsent(dataset, split)) continue;
    for (const char* key : {"pixels", "labels"}) {
      arrays.Set(arrays.Length(), child(dataset, split).Get(key));
    }
  }
  return arrays;
}

Dataset copyDataset(const DatasetView& view) {
  Dataset dataset{.train = makeStore(view.train, view.classes),
                  .test = makeStore(view.test, view.classes),
                  .normalisation = view.normalisation};
  if (view.validation) dataset.validation = makeStore(*view.validation, view.classes);
  return dataset;
}

}  // namespace moco::addon
