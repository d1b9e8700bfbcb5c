#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ceilings.h"

/// One kernel as one layer needs it.
struct Kernel {
  std::string pass;     // what it computes, e.g. `gradient by input`
  int64_t perStep;      // how often a training step calls it at such layers
  double bytes;         // that it reads and writes if it touches everything once
  double operations;    // floating-point operations, where they could be what limits it; else 0
  std::function<void(int64_t)> call;  // works on one of the sets of tensors
};

/// The kernels of one layer, and the number of sets of tensors that they have.
struct Kernels {
  std::vector<Kernel> kernels;
  int64_t sets;
};

/// What is measured, where, and how often.
struct Setting {
  at::Device device;
  at::ScalarType type;  // of activations
  int64_t rounds;
};

/// Times a layer's kernels in turn, A B C … A B C …, with the ceilings at the beginning of every
/// round, and prints a line of JSON for each kernel: its times, and the ceilings' rates, round by
/// round. What fails is printed as a line, too, and costs only the layer.
/// @param kind   of layer
/// @param layer  in words
/// @param make   makes the kernels with their tensors
void measureLayer(const Setting& setting, Ceilings& ceilings, const std::string& kind,
                  const std::string& layer, const std::function<Kernels()>& make);

/// Prints the ceilings alone, as a line of JSON.
void measureCeilings(const Setting& setting, Ceilings& ceilings);
