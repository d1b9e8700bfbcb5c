#pragma once

#include <string>

#include "core/contrast/moco.h"
#include "core/device/graphed_function.h"

namespace moco {

/// Momentum Contrast that records the device's work of a step as CUDA graphs and replays them,
/// instead of starting it kernel by kernel. There are two graphs, because the host looks at the
/// loss and the gradient before it lets the encoders be updated.
class GraphedMoco final : public Moco {
 public:
  /// @param recorder  makes the recorder of a graph; empty means that nothing is recorded
  GraphedMoco(const MocoOptions& options, const MakeRecorder& recorder);

  /// Why recording a step has failed; empty if it has not.
  const std::string& graphFailure() const;

 private:
  FirstHalf differentiate(const Views& views) override;
  void updateEncoders() override;

  GraphedFunction differentiation_;
  GraphedFunction update_;
};

}  // namespace moco
