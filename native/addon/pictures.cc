#include "addon/pictures.h"

#include "addon/properties.h"

namespace moco::addon {
namespace {

at::Tensor channels(const Napi::Object& object, const char* key) {
  const Napi::Object values = child(object, key);
  at::Tensor tensor = at::empty({3}, at::kFloat);
  for (uint32_t channel = 0; channel < 3; ++channel) {
    tensor[channel] = values.Get(channel).ToNumber().DoubleValue();
  }
  return tensor;
}

}  // namespace

PicturesView picturesView(const Napi::Object& pictures) {
  PicturesView view{};
  view.count = integer(pictures, "count");
  view.height = integer(pictures, "height");
  view.width = integer(pictures, "width");
  view.pixels = bytes(pictures, "pixels", view.count * 3 * view.height * view.width);
  view.labels = bytes(pictures, "labels", view.count);
  return view;
}

ImageStore makeStore(const PicturesView& view, int64_t classes) {
  return makeImageStore(view.pixels, view.labels, view.count, view.height, view.width, classes);
}

Napi::Array arraysOf(const Napi::Object& options, std::initializer_list<const char*> splits) {
  Napi::Array arrays = Napi::Array::New(options.Env());
  for (const char* split : splits) {
    for (const char* key : {"pixels", "labels"}) {
      arrays.Set(arrays.Length(), child(options, split).Get(key));
    }
  }
  return arrays;
}

Normalisation normalisation(const Napi::Object& options) {
  return {channels(options, "mean"), channels(options, "std")};
}

}  // namespace moco::addon
