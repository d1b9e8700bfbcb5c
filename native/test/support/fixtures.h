#pragma once

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

#include "core/model/named_tensors.h"

namespace moco {

/// What PyTorch has computed for one test case: tensors by name.
using Fixture = std::map<std::string, at::Tensor>;

/// Loads test/parity/fixtures/<file>.pt.
Fixture loadFixture(const std::string& file);
/// The names of all fixtures that begin with `<kind>_`, for `loadFixture`.
std::vector<std::string> fixturesOf(const std::string& kind);

/// Compares tensors with their summaries in a fixture: names, L2 norms, first elements, and dot
/// products with directions that `formula` gives.
/// @param title      what the fixture calls the tensors: `gradient`, `query_update`, …
/// @param tolerance  by how much a number may differ, relative to the norm of its tensor
void checkSummary(const Fixture& fixture, const std::string& title, const NamedTensors& tensors,
                  double tolerance);

/// ‖a − b‖ / ‖b‖, in fp64.
double relativeDistance(const at::Tensor& a, const at::Tensor& b);

/// Whether a number differs from what is expected by at most absolute + relative · |expected|.
bool isClose(double value, double expected, double relative, double absolute = 0);

}  // namespace moco
