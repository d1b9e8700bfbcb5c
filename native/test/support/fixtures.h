#pragma once

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

#include "core/model/named_tensors.h"

namespace moco {

using Fixture = std::map<std::string, at::Tensor>;

/// Tensors by name, from test/parity/fixtures/<file>.pt.
Fixture loadFixture(const std::string& file);

/// Compares tensors with their summaries in a fixture: names, L2 norms, first elements, and dot
/// products with the formula's directions.
/// @param title      what the fixture calls them: `gradient`, `query_update`, …
/// @param tolerance  how far a number may be off, as a share of its tensor's norm
void checkSummary(const Fixture& fixture, const std::string& title, const NamedTensors& tensors,
                  double tolerance);

/// ‖a − b‖ / ‖b‖, in fp64.
double relativeDistance(const at::Tensor& a, const at::Tensor& b);

/// A number by value: absolute tolerance plus relative.
bool isClose(double value, double expected, double relative, double absolute = 0);

}  // namespace moco
