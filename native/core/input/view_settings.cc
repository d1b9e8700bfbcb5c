#include "core/input/view_settings.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"

namespace moco {
namespace {

constexpr int64_t kGrowthStep = 4;  // pixels
constexpr int64_t kLeastSize = 8;

Error unknownName(const std::string& key, const std::string& name, const std::string& known) {
  return {"ERR_MOCO_CONFIG", "views: there is no " + key + " \"" + name + "\"",
          "Choose " + known + "."};
}

ViewPlan planOf(const ViewGroup& group, int64_t imageSize) {
  const bool isBoth = group.role == "both";
  ViewPlan plan{.size = group.size.value_or(imageSize),
                .transform = group.transform,
                .student = isBoth || group.role == "student",
                .teacher = isBoth || group.role == "teacher"};
  if (!plan.student && !plan.teacher) {
    throw unknownName("role", group.role, "student, teacher or both");
  }
  plan.transform.bicubic = group.interpolation == "bicubic";
  if (!plan.transform.bicubic && group.interpolation != "bilinear") {
    throw unknownName("interpolation", group.interpolation, "bilinear or bicubic");
  }
  if (plan.size < 1) {
    throw Error("ERR_MOCO_CONFIG", "views: size " + std::to_string(plan.size) + " is not positive",
                "Give a positive number.");
  }
  return plan;
}

/// Whether a view is a student's while another one is a teacher's.
bool hasPair(const std::vector<ViewPlan>& plans) {
  const auto students = std::ranges::count_if(plans, &ViewPlan::student);
  const auto teachers = std::ranges::count_if(plans, &ViewPlan::teacher);
  const bool isOneView =
      students == 1 && teachers == 1 &&
      std::ranges::any_of(plans, [](const ViewPlan& plan) { return plan.student && plan.teacher; });
  return students > 0 && teachers > 0 && !isOneView;
}

}  // namespace

std::vector<ViewPlan> viewPlans(const ViewSettings& settings, int64_t imageSize) {
  std::vector<ViewPlan> plans;
  for (const ViewGroup& group : settings.views) {
    const ViewPlan plan = planOf(group, imageSize);
    for (int64_t i = 0; i < group.count; ++i) plans.push_back(plan);
  }
  if (!hasPair(plans)) {
    throw Error("ERR_MOCO_CONFIG", "views: there is no pair of a student's and a teacher's view",
                "Give at least one view to each, and two views where one is both.");
  }
  return plans;
}

int64_t ViewGrowth::sizeOf(int64_t fullSize, uint32_t epoch) const {
  const double end = until * static_cast<double>(epochs);
  const double done = static_cast<double>(epoch) - 1;
  if (from >= 1 || done >= end) return fullSize;
  const double share = from + (1 - from) * done / end;
  const double steps = share * static_cast<double>(fullSize) / static_cast<double>(kGrowthStep);
  const int64_t size = kGrowthStep * std::llround(steps);
  return std::clamp(size, std::min(kLeastSize, fullSize), fullSize);
}

}  // namespace moco
