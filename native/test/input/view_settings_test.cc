#include "core/input/view_settings.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/error.h"
#include "core/base/random.h"

using namespace moco;

TEST_CASE("the default views are a student's and a teacher's, of the pictures' input size") {
  const auto plans = viewPlans({}, 32);
  REQUIRE(plans.size() == 2);
  for (const auto& plan : plans) {
    CHECK(plan.size == 32);
    CHECK_FALSE(plan.transform.bicubic);
    CHECK_FALSE(plan.transform.blursOrSolarises());
  }
  CHECK((plans[0].student && !plans[0].teacher));
  CHECK((!plans[1].student && plans[1].teacher));
}

TEST_CASE("groups of views stand one after the other, each with its own size and transform") {
  const ViewSettings settings{
      .views = {{.count = 2, .role = "both", .interpolation = "bicubic"},
                {.count = 3, .size = 16, .transform = {.cropScale = {0.05, 0.2}}}}};
  const auto plans = viewPlans(settings, 32);
  REQUIRE(plans.size() == 5);
  for (size_t i = 0; i < 5; ++i) {
    const bool isLarge = i < 2;
    CHECK(plans[i].size == (isLarge ? 32 : 16));
    CHECK(plans[i].transform.bicubic == isLarge);
    CHECK(plans[i].transform.cropScale[1] == (isLarge ? 1.0 : 0.2));
    CHECK(plans[i].student);
    CHECK(plans[i].teacher == isLarge);
  }
}

TEST_CASE("views without a pair, or of an unknown kind, are refused") {
  const auto refuse = [](const std::vector<ViewGroup>& views, const char* reason) {
    CHECK_THROWS_WITH_AS(viewPlans({.views = views}, 32), doctest::Contains(reason), Error);
  };
  refuse({}, "no pair");
  refuse({{.count = 4}}, "no pair");
  refuse({{.role = "teacher"}}, "no pair");
  refuse({{.role = "both"}}, "no pair");
  refuse({{.role = "pupil"}}, "no role \"pupil\"");
  refuse({{.interpolation = "nearest"}}, "no interpolation \"nearest\"");
  refuse({{.size = 0}, {.role = "teacher"}}, "size 0");
  CHECK(viewPlans({.views = {{.count = 2, .role = "both"}}}, 32).size() == 2);
}

TEST_CASE("views grow in steps of four pixels until a share of the epochs is over") {
  const ViewGrowth growth{.from = 0.5, .until = 0.5, .epochs = 16};
  for (uint32_t epoch = 1; epoch <= 16; ++epoch) {
    INFO("epoch ", epoch);
    CHECK(growth.sizeOf(32, epoch) % 4 == 0);
    const double exact = epoch > 8 ? 32.0 : 16.0 + 2.0 * (epoch - 1);
    CHECK(std::abs(static_cast<double>(growth.sizeOf(32, epoch)) - exact) <= 2.0);
  }
  CHECK(growth.sizeOf(32, 1) == 16);
  CHECK(growth.sizeOf(32, 9) == 32);
  CHECK(growth.sizeOf(30, 9) == 30);
  CHECK(growth.sizeOf(12, 1) == 8);
  CHECK(growth.sizeOf(6, 1) == 6);
  CHECK(ViewGrowth{}.sizeOf(32, 1) == 32);
}

TEST_CASE("what a view draws depends on its own probabilities and strengths") {
  ViewTransform transform{.cropScale = {0.9, 1.0},
                          .flip = 1.0,
                          .jitter = 0.0,
                          .brightness = 0.0,
                          .saturation = 1.0,
                          .hue = 0.0,
                          .greyscale = 1.0,
                          .blur = 1.0,
                          .solarise = 1.0};
  Philox random(1, Purpose::kView);
  float largest = 0;
  for (int i = 0; i < 200; ++i) {
    const ViewParameters view = drawViewParameters(random, 100, 100, transform);
    CHECK(view.crop.height * view.crop.width > 8500);
    CHECK((view.flip && !view.jitter && view.greyscale && view.blur && view.solarise));
    CHECK(view.colour.brightness == 1.0f);
    CHECK(view.colour.saturation >= 0.0f);
    largest = std::max(largest, view.colour.saturation);
    CHECK(std::ranges::count(view.colour.order, JitterOperation::kNone) == 1);
    CHECK(std::ranges::count(view.colour.order, JitterOperation::kHue) == 0);
  }
  CHECK(largest > 1.9f);
}

TEST_CASE("one probability moves nothing else that is drawn") {
  const ViewTransform reference{};
  const ViewTransform other{.flip = 0.0, .jitter = 0.0, .greyscale = 1.0, .blur = 1.0};
  for (int64_t picture = 0; picture < 50; ++picture) {
    const ViewKey key{.seed = 1, .epoch = 2, .picture = picture, .view = 1};
    const ViewParameters a = drawViewParameters(key, 32, 32, reference);
    const ViewParameters b = drawViewParameters(key, 32, 32, other);
    CHECK(a.crop.top == b.crop.top);
    CHECK(a.colour.order == b.colour.order);
    CHECK(a.colour.hue == b.colour.hue);
    CHECK(a.box.weight == b.box.weight);
  }
}
