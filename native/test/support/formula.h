#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "core/model/encoder.h"

/// Pseudo-random numbers that test/parity/formula.py computes in the same way, so that no weight or
/// picture needs to be stored. A number depends only on the name of its tensor and on its row-major
/// index.
namespace moco::formula {

/// FNV-1a (32 bits) of a name: the seed of its tensor.
uint32_t hashOf(const std::string& name);

/// A tensor of numbers in [low, high), computed in fp64 and rounded once to fp32.
at::Tensor uniform(const std::string& name, at::IntArrayRef shape, double low, double high);
/// A tensor of bytes.
at::Tensor bytes(const std::string& name, at::IntArrayRef shape);

/// Pictures of byte noise, (batch, 3, size, size), channels last, normalised with CIFAR-10's
/// constants in fp32, then of `dtype`.
at::Tensor pictures(const std::string& name, int64_t batch, at::ScalarType dtype,
                    int64_t size = 32);

/// Fills every parameter and statistic of an encoder with its tensor's numbers.
/// @param prefix  stands before the names, so that the key encoder ("key.") gets others
void fill(Encoder& encoder, const std::string& prefix = "");

/// The dot product of the values and the numbers of "probe.<name>", in fp64.
double probe(const std::string& name, const at::Tensor& values);

}  // namespace moco::formula
