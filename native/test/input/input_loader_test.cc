#include "core/input/input_loader.h"

#include <doctest/doctest.h>

#include <memory>
#include <utility>
#include <vector>

#include "core/device/cuda_kernels.h"
#include "core/input/device_input_loader.h"
#include "core/input/host_input_loader.h"
#include "core/input/key_order.h"

using namespace moco;

namespace {

constexpr int64_t kPictures = 23;

/// The device on which a DeviceInputLoader is tested: a GPU, or else the CPU.
at::Device testedDevice() {
  return at::hasCUDA() && useCudaKernels() ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
}

ImageStore pictures(const at::Device& device) {
  auto generator = at::detail::createCPUGenerator(3);
  const auto pixels = at::randint(256, {kPictures, 9, 8, 3}, generator, at::kByte);
  return {pixels.to(device), at::arange(kPictures).to(device), kPictures};
}

/// A group as the reference's two, of 12 pixels, and a smaller view with all that it does not do.
std::vector<ViewPlan> threeViews() {
  const ViewTransform other{.bicubic = true, .blur = 0.5, .solarise = 0.5};
  return {ViewPlan{12}, ViewPlan{12}, ViewPlan{.size = 9, .transform = other}};
}

InputOptions options(const at::Device& device, at::ScalarType compute, const EpochLayout& layout,
                     const std::vector<ViewPlan>& views) {
  return {.device = device,
          .compute = compute,
          .normalisation = {at::full({3}, .4f, device), at::full({3}, .2f, device)},
          .views = views,
          .growth = {.from = 0.7, .until = 0.5, .epochs = 6},
          .batchSize = 5,
          .seed = 9,
          .threads = 2,
          .layout = layout};
}

/// Two loaders of the same pictures: one makes views on the CPU, the other where the pictures are.
struct Loaders {
  HostInputLoader host;
  DeviceInputLoader device;

  explicit Loaders(at::ScalarType compute = at::kFloat, const EpochLayout& layout = {},
                   const std::vector<ViewPlan>& views = threeViews())
      : host(pictures(at::kCPU), options(at::kCPU, compute, layout, views)),
        device(pictures(testedDevice()), options(testedDevice(), compute, layout, views)) {}

  void startEpoch(uint32_t epoch, int64_t firstBatch = 0) {
    host.startEpoch(epoch, firstBatch);
    device.startEpoch(epoch, firstBatch);
  }

  void checkNextBatch() {
    const auto expected = host.next();
    const auto made = device.next();
    REQUIRE(made.size() == expected.size());
    for (size_t view = 0; view < made.size(); ++view) {
      CHECK(made[view].is_contiguous(at::MemoryFormat::ChannelsLast));
      CHECK(made[view].cpu().equal(expected[view]));
    }
    CHECK(device.labels().cpu().equal(host.labels()));
    CHECK(device.pictureNumbers().cpu().equal(host.pictureNumbers()));
    CHECK(host.labels().equal(host.pictureNumbers()));  // as `pictures` makes them
  }

  void checkEpoch(uint32_t epoch, int64_t firstBatch = 0) {
    INFO("epoch ", epoch, " from batch ", firstBatch);
    startEpoch(epoch, firstBatch);
    for (int64_t batch = firstBatch; batch < host.batchesPerEpoch(); ++batch) checkNextBatch();
    CHECK_THROWS_WITH(device.next(), doctest::Contains("no batch left"));
  }
};

}  // namespace

TEST_CASE("views made on the pictures' device are those of the CPU, in every epoch") {
  for (const at::ScalarType compute : {at::kFloat, at::kBFloat16}) {
    Loaders loaders(compute);
    CHECK(loaders.device.batchesPerEpoch() == 4);  // the incomplete batch is left out
    for (const uint32_t epoch : {1, 2, 3}) loaders.checkEpoch(epoch);
    loaders.checkEpoch(7);  // another epoch than the one that was drawn in advance
  }
}

TEST_CASE("an epoch made on the pictures' device can begin at a later batch") {
  Loaders loaders;
  for (const int64_t first : {3, 0, 1, 4}) loaders.checkEpoch(2, first);
  CHECK_THROWS_AS(loaders.device.startEpoch(3, 5), c10::Error);
}

TEST_CASE("an epoch made on the pictures' device can be left in the middle") {
  Loaders loaders;
  loaders.startEpoch(1);
  loaders.checkNextBatch();
  loaders.checkEpoch(2);
}

TEST_CASE("the pictures' device also makes one view per picture and an incomplete last batch") {
  Loaders loaders(at::kFloat, {.keepIncompleteBatch = true}, {ViewPlan{12}});
  CHECK(loaders.device.batchesPerEpoch() == 5);
  loaders.checkEpoch(1);
}

TEST_CASE("processes make their shares of each batch, and of its pictures in the keys' order") {
  const auto settings = [&](const at::Device& device, int64_t rank, int64_t processes) {
    const ViewPlan second{.size = 12, .number = 1, .isShuffled = processes > 1};
    auto made = options(device, at::kFloat, {}, {ViewPlan{12}, second});
    made.batchSize = 6;
    made.share = {rank, processes};
    return made;
  };
  const auto device = testedDevice();
  HostInputLoader whole(pictures(at::kCPU), settings(at::kCPU, 0, 1));
  for (int64_t rank = 0; rank < 2; ++rank) {
    HostInputLoader host(pictures(at::kCPU), settings(at::kCPU, rank, 2));
    DeviceInputLoader onDevice(pictures(device), settings(device, rank, 2));
    for (InputLoader* loader : std::vector<InputLoader*>{&whole, &host, &onDevice}) {
      loader->startEpoch(2);
    }
    for (int64_t batch = 1; batch <= 3; ++batch) {
      const auto expected = whole.next();
      const auto places = keyOrder(9, 2, batch, 6).narrow(0, 3 * rank, 3);
      for (InputLoader* loader : std::vector<InputLoader*>{&host, &onDevice}) {
        const auto made = loader->next();
        CHECK(made[0].cpu().equal(expected[0].narrow(0, 3 * rank, 3)));
        CHECK(made[1].cpu().equal(expected[1].index_select(0, places)));
        CHECK(loader->pictureNumbers().cpu().equal(whole.pictureNumbers()));
      }
    }
  }
}

TEST_CASE("views grow to their size over the first epochs") {
  Loaders loaders;
  for (const auto& [epoch, size] : {std::pair{1, 8}, {3, 12}, {4, 12}, {6, 12}}) {
    loaders.startEpoch(epoch);
    const auto views = loaders.host.next();
    CHECK(views[0].sizes() == at::IntArrayRef{5, 3, size, size});
    CHECK(views[2].size(2) == (epoch > 3 ? 9 : 8));
    CHECK(views[0].is_contiguous(at::MemoryFormat::ChannelsLast));
    CHECK(loaders.device.next()[0].sizes() == views[0].sizes());
  }
}

TEST_CASE("views are made on the store's device and copied to the encoder's") {
  const at::Device device = testedDevice();
  for (const at::Device place : {at::Device(at::kCPU), device}) {
    const auto loader =
        makeInputLoader(pictures(place), options(device, at::kFloat, {}, threeViews()));
    CHECK((dynamic_cast<HostInputLoader*>(loader.get()) != nullptr) == place.is_cpu());
    loader->startEpoch(1);
    CHECK(loader->next().front().device() == device);
    CHECK(loader->labels().device() == device);
  }
}
