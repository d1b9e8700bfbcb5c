#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "core/model/encoder.h"

/// The numbers that test/parity/formula.py computes too, so that no weight or picture is stored. A
/// number depends only on its tensor's name and its row-major index.
namespace moco::formula {

/// FNV-1a (32 bits) of a name: the seed of its tensor.
uint32_t hashOf(const std::string& name);

/// fp32 in [low, high): fp64 arithmetic, rounded once.
at::Tensor uniform(const std::string& name, at::IntArrayRef shape, double low, double high);
/// uint8.
at::Tensor bytes(const std::string& name, at::IntArrayRef shape);

/// Pictures of byte noise, (batch, 3, 32, 32), channels last, normalised with CIFAR-10's constants
/// in fp32, then of `dtype`.
at::Tensor pictures(const std::string& name, int64_t batch, at::ScalarType dtype);

/// Gives every parameter and statistic of an encoder its number.
/// @param prefix  goes before each name; the key encoder's is "key."
void fill(Encoder& encoder, const std::string& prefix = "");

/// Dot product with the direction "probe.<name>", in fp64.
double probe(const std::string& name, const at::Tensor& values);

}  // namespace moco::formula
