#include "core/input/image_store.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"

namespace moco {
namespace {

constexpr int64_t kChannels = 3;
constexpr int64_t kCarriedBytes = 64 << 20;  // of a file that are carried to a device at once

/// Copies labels, and refuses those that stand for no class.
at::Tensor copyLabels(const int32_t* labels, int64_t count, int64_t classes) {
  const auto isWrong = [&](int64_t label) { return label < -1 || label >= classes; };
  const auto* const wrong = std::find_if(labels, labels + count, isWrong);
  if (wrong != labels + count) {
    throw Error("ERR_MOCO_DATA",
                "picture " + std::to_string(wrong - labels) + " has label " +
                    std::to_string(*wrong) + ", but there are only " + std::to_string(classes) +
                    " classes",
                "Check the labels, or delete the data set's folder to have it downloaded again.");
  }
  const auto copies = at::empty({count}, at::kLong);
  // A plain loop: PyTorch's would start threads, before it was settled how many there may be.
  std::copy_n(labels, count, copies.mutable_data_ptr<int64_t>());
  return copies;
}

}  // namespace

ImageStore makeImageStore(const uint8_t* pixels, const int32_t* labels, int64_t count,
                          int64_t height, int64_t width, int64_t classes) {
  ImageStore store{at::empty({count, height, width, kChannels}, at::kByte),
                   copyLabels(labels, count, classes), classes};
  std::copy_n(pixels, store.pixels.numel(), store.pixels.mutable_data_ptr<uint8_t>());
  return store;
}

ImageStore makeImageStore(std::shared_ptr<const PictureFile> file, int64_t side,
                          const int32_t* labels, int64_t classes) {
  auto copies = copyLabels(labels, file->count(), classes);
  return {{}, std::move(copies), classes, std::move(file), side};
}

at::Tensor ImageStore::slice(int64_t begin, int64_t end) const {
  if (isResident()) return pixels.slice(0, begin, end);
  return select(at::arange(begin, end, at::kLong)).pixels;
}

ImageStore::Selection ImageStore::select(const at::Tensor& numbers) const {
  if (isResident()) return {pixels, numbers};
  const int64_t count = numbers.size(0);
  const auto read = at::empty({count, side, side, kChannels}, at::kByte);
  file->read(numbers.const_data_ptr<int64_t>(), count, read.mutable_data_ptr<uint8_t>());
  return {read, at::arange(count, at::kLong)};
}

ImageStore ImageStore::copyOf(const at::Tensor& numbers) const {
  const auto [among, places] = select(numbers);
  return {among.index_select(0, places.to(among.device())),
          labels.index_select(0, numbers.to(labels.device())), classes};
}

ImageStore ImageStore::to(const at::Device& device) const {
  if (isResident()) return {pixels.to(device), labels.to(device), classes};
  const auto options = at::device(device).dtype(at::kByte);
  ImageStore there{at::empty({count(), side, side, kChannels}, options), labels.to(device),
                   classes};
  const int64_t piece = std::max<int64_t>(kCarriedBytes / (side * side * kChannels), 1);
  for (int64_t begin = 0; begin < count(); begin += piece) {
    const int64_t end = std::min(begin + piece, count());
    there.pixels.slice(0, begin, end).copy_(slice(begin, end));
  }
  return there;
}

at::Tensor normalise(const at::Tensor& pictures, const Normalisation& normalisation,
                     at::ScalarType dtype) {
  auto scaled = pictures.to(at::kFloat);  // (B, H, W, 3)
  // The divisor is a tensor, because with a number CUDA would multiply by its reciprocal and round
  // differently.
  scaled.div_(at::full({}, 255, scaled.options()));
  scaled.sub_(normalisation.mean).div_(normalisation.std);
  return scaled.permute({0, 3, 1, 2}).to(dtype);
}

}  // namespace moco
