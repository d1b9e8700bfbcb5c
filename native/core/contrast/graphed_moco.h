#pragma once

#include <string>

#include "core/contrast/moco.h"
#include "core/device/graphed_function.h"

namespace moco {

/// Momentum Contrast that records the device's work of a step as CUDA graphs and replays them,
/// instead of starting it kernel by kernel. There are two graphs, because the host looks at the
/// loss and the gradient before it lets the query encoder be updated. The momentum update, whose
/// momentum may change, is in neither.
class GraphedMoco final : public Moco {
 public:
  /// @param recorder  makes the recorder of a graph; empty means that nothing is recorded
  GraphedMoco(const MocoOptions& options, const MakeRecorder& recorder);

  /// Why recording a step has failed; empty if it has not.
  const std::string& graphFailure() const;

 private:
  FirstHalf differentiate(const StepInput& batch) override;
  void updateQueryEncoder() override;

  const StepInput* batch_ = nullptr;  // that is being differentiated, for the views' roles
  GraphedFunction differentiation_;
  GraphedFunction update_;
};

}  // namespace moco
