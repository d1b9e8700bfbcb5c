#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/input/view_parameters.h"

namespace moco {

/// Views of every picture that are made in one way and used for one purpose.
struct ViewGroup {
  int64_t count = 1;
  std::string role = "student";            // student, teacher or both
  std::optional<int64_t> size = {};        // height and width; absent: that of the pictures' input
  std::string interpolation = "bilinear";  // or bicubic
  ViewTransform transform = {};

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("count", count);
    visit("role", role);
    visit("size", size);
    visit("interpolation", interpolation);
    transform.each(visit);
  }
};

/// The settings of the views that a step trains on. The defaults are the reference's: a student's
/// and a teacher's.
struct ViewSettings {
  std::vector<ViewGroup> views{{.role = "student"}, {.role = "teacher"}};
  double growFrom = 1.0;   // share of their size that views begin with
  double growUntil = 0.7;  // share of the epochs after which they have their size

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("views", views);
    visit("growFrom", growFrom);
    visit("growUntil", growUntil);
  }
};

/// One view of every picture.
struct ViewPlan {
  int64_t size;  // height and width, when it is fully grown
  ViewTransform transform = {};
  bool student = true;                 // whether the query encoder sees it
  bool teacher = false;                // whether the key encoder does
  std::optional<int64_t> number = {};  // by which it is drawn; absent: its place among all
  bool isShuffled = false;  // whether it is of the pictures of `keyOrder`; see `InputOptions`
};

/// All views of a picture, group by group: view number i is made by the i-th of these.
/// @param imageSize  the size of a view that has none of its own
/// @throws Error ERR_MOCO_CONFIG  for a role or interpolation that does not exist, and for views
///                                without a pair of a student's and a teacher's
std::vector<ViewPlan> viewPlans(const ViewSettings& settings, int64_t imageSize);

/// Views that are smaller in the first epochs (progressive resizing).
struct ViewGrowth {
  double from = 1.0;
  double until = 0.0;
  int64_t epochs = 1;

  /// The size of a view in an epoch: from `from` of its full size in the first epoch, in a straight
  /// line, to all of it when `until` of the epochs are over; in steps of 4 pixels, at least 8.
  /// @param epoch  from 1
  int64_t sizeOf(int64_t fullSize, uint32_t epoch) const;
};

}  // namespace moco
