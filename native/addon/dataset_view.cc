#include "addon/dataset_view.h"

#include <string>
#include <vector>

#include "addon/properties.h"

namespace moco::addon {
namespace {

/// One number for each of R, G and B.
at::Tensor channels(const Napi::Object& dataset, const char* key) {
  const std::vector<double> values = numbers(dataset, key);
  if (values.size() != 3) {
    throw Napi::TypeError::New(dataset.Env(), std::string(key) + " must have 3 numbers");
  }
  return at::tensor(values, at::kFloat);
}

}  // namespace

DatasetView datasetView(const Napi::Object& dataset) {
  DatasetView view{.train = picturesView(child(dataset, "train")),
                   .test = picturesView(child(dataset, "test")),
                   .validation = {},
                   .classes = child(dataset, "classes").As<Napi::Array>().Length(),
                   .normalisation = {channels(dataset, "mean"), channels(dataset, "std")},
                   .cropShare = number(dataset, "cropShare")};
  if (!isAbsent(dataset, "validation")) {
    view.validation = picturesView(child(dataset, "validation"));
  }
  return view;
}

Napi::Array arraysOf(const Napi::Object& dataset) {
  Napi::Array arrays = Napi::Array::New(dataset.Env());
  for (const char* split : {"train", "test", "validation"}) {
    if (isAbsent(dataset, split)) continue;
    for (const auto& array : arraysOfPictures(child(dataset, split))) {
      arrays.Set(arrays.Length(), array);
    }
  }
  return arrays;
}

Dataset copyDataset(const DatasetView& view) {
  Dataset dataset{.train = makeStore(view.train, view.classes),
                  .test = makeStore(view.test, view.classes),
                  .normalisation = view.normalisation,
                  .cropShare = view.cropShare};
  if (view.validation) dataset.validation = makeStore(*view.validation, view.classes);
  return dataset;
}

}  // namespace moco::addon
