#include "addon/pictures.h"

#include <memory>

#include "addon/properties.h"

namespace moco::addon {
namespace {

constexpr int64_t kChannels = 3;

/// Whether the pixels are in memory, and not in a file.
bool areInMemory(const Napi::Object& pictures) { return pictures.Get("pixels").IsTypedArray(); }

PictureFile::Place placeOf(const Napi::Object& file, int64_t pictureBytes) {
  return {.path = string(file, "path"),
          .offset = integer(file, "offset"),
          .pictureBytes = pictureBytes,
          .pictures = integer(file, "pictures")};
}

}  // namespace

PicturesView picturesView(const Napi::Object& pictures) {
  PicturesView view{};
  view.count = integer(pictures, "count");
  view.height = integer(pictures, "height");
  view.width = integer(pictures, "width");
  view.labels = elements<int32_t>(pictures, "labels", view.count);
  const int64_t pictureBytes = kChannels * view.height * view.width;
  if (areInMemory(pictures)) {
    view.pixels = elements<uint8_t>(pictures, "pixels", view.count * pictureBytes);
    return view;
  }
  const auto file = child(pictures, "pixels");
  view.file = placeOf(file, pictureBytes);
  view.rows = elements<uint32_t>(file, "rows", view.count);
  return view;
}

std::vector<Napi::Value> arraysOfPictures(const Napi::Object& pictures) {
  const bool inMemory = areInMemory(pictures);
  return {inMemory ? pictures.Get("pixels") : child(pictures, "pixels").Get("rows"),
          pictures.Get("labels")};
}

ImageStore makeStore(const PicturesView& view, int64_t classes) {
  if (!view.file) {
    return makeImageStore(view.pixels, view.labels, view.count, view.height, view.width, classes);
  }
  const std::vector<uint32_t> rows(view.rows, view.rows + view.count);
  return makeImageStore(std::make_shared<PictureFile>(*view.file, rows), view.height, view.labels,
                        classes);
}

}  // namespace moco::addon
