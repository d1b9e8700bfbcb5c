#pragma once

namespace moco {

/// What follows a layer in the same pass over the activations.
enum class Epilogue {
  kNone,
  kRelu,
  kAddRelu,  // a residual is added before the ReLU
};

}  // namespace moco
