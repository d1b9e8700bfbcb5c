#pragma once

#include "core/contrast/step_input.h"

namespace moco {

/// The two views of algorithm 1: queries, and keys.
inline StepInput queriesAndKeys(const at::Tensor& queries, const at::Tensor& keys,
                                const at::Tensor& keyOrder = {}) {
  return {.views = {{.pictures = queries, .student = true, .teacher = false},
                    {.pictures = keys, .student = false, .teacher = true}},
          .keyOrder = keyOrder};
}

}  // namespace moco
