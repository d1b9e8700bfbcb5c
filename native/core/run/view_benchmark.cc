#include "core/run/view_benchmark.h"

#include <chrono>
#include <vector>

#include "core/base/random.h"
#include "core/input/augment.h"
#include "core/input/make_views.h"

namespace moco {

double secondsPerView(const ImageStore& store, int64_t imageSize, int64_t views, uint64_t seed,
                      const ViewTransform& transform) {
  TORCH_CHECK(store.count() > 0 && views > 0, "nothing to make views of");
  const int64_t height = store.height();
  const int64_t width = store.width();
  const int64_t pictureBytes = height * width * 3;
  const auto* pictures = store.pixels.const_data_ptr<uint8_t>();
  const Normalisation normalisation{at::full({3}, .5f), at::full({3}, .25f)};
  const auto table = normalisedBytes(normalisation, at::kFloat);
  std::vector<float> target(imageSize * imageSize * 3);
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < views; ++i) {
    Philox random(seed, Purpose::kView, 0, static_cast<uint32_t>(i));
    applyView(pictures + i % store.count() * pictureBytes, width,
              drawViewParameters(random, height, width, transform), imageSize, imageSize,
              table.const_data_ptr<float>(), target.data());
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return elapsed.count() / static_cast<double>(views);
}

}  // namespace moco
