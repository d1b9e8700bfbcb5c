#pragma once

#include <string>

#include "core/contrast/moco.h"
#include "core/device/graphed_function.h"

namespace moco {

/// Momentum Contrast whose work for the device is recorded, and then replayed in two pieces instead
/// of being started kernel by kernel. Two, because the host looks at loss and gradient before it
/// lets the encoders be updated.
class GraphedMoco final : public Moco {
 public:
  /// @param recorder  empty: nothing is recorded
  GraphedMoco(const MocoOptions& options, const MakeRecorder& recorder);

  /// Why steps are not recorded, though they should be; empty where nothing is wrong.
  const std::string& graphFailure() const;

 private:
  Contrast differentiate(const Views& views) override;
  void updateEncoders() override;

  GraphedFunction differentiation_;
  GraphedFunction update_;
};

}  // namespace moco
