#include "addon/pictures.h"

#include "addon/properties.h"

namespace moco::addon {

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

}  // namespace moco::addon
