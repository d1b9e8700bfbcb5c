#pragma once

#include <string>

#include "../sites.h"
#include "measure.h"

/// How often a training step takes a forward pass: both encoders do, but only the query encoder
/// computes gradients.
constexpr int64_t kForwardsPerStep = 2;

/// Layers in words: `64 channels, 32², ReLU`, `3×3/1 64 → 64, 32²`, and `3×3/1 64 → 64, 32², ReLU`.
std::string batchNormName(const Site& site);
std::string convolutionName(const Site& site);
std::string foldedName(const Site& site);

/// The kernels of BatchNorm in training, on their own: our CUDA kernels where they are used, else
/// the whole of its forward and its backward pass.
Kernels batchNormKernels(const Setting& setting, const Site& site);

/// A convolution of a training step: its output and its gradients, computed by PyTorch's operators,
/// which on a GPU are cuDNN's.
Kernels convolutionKernels(const Setting& setting, const Site& site);

/// A convolution of an evaluation into which BatchNorm is folded, with the addition and ReLU that
/// follow it: in one call, and one operator after the other.
Kernels foldedKernels(const Setting& setting, const Site& site);

/// Elements of a tensor as bytes of the setting's type.
double bytesOf(const Setting& setting, int64_t elements);

/// Random activations, channels last.
at::Tensor randomActivations(const Setting& setting, at::IntArrayRef shape);
/// The input of a site's convolution, and its output, which is also BatchNorm's input and output.
at::Tensor randomInput(const Setting& setting, const Site& site);
at::Tensor randomOutput(const Setting& setting, const Site& site);
