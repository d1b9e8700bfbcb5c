#include "support/fixtures.h"

#include <doctest/doctest.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "support/formula.h"
#include "support/within.h"

namespace moco {

Fixture loadFixture(const std::string& file) {
  const std::string path = std::string(MOCO_FIXTURES) + "/" + file + ".pt";
  std::ifstream stream(path, std::ios::binary);
  TORCH_CHECK(stream, "no fixture ", path, ": make it with test/parity/make_fixtures.py");
  const std::vector<char> data{std::istreambuf_iterator<char>(stream), {}};
  Fixture tensors;
  for (const auto& entry : torch::jit::pickle_load(data).toGenericDict()) {
    tensors.emplace(entry.key().toStringRef(), entry.value().toTensor());
  }
  return tensors;
}

std::vector<std::string> fixturesOf(const std::string& kind) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(MOCO_FIXTURES)) {
    const std::string name = file.path().stem().string();
    if (name.rfind(kind + "_", 0) == 0) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void checkSummary(const Fixture& fixture, const std::string& title, const NamedTensors& tensors,
                  double tolerance) {
  constexpr int64_t kFirst = 4;
  // Below it there is only rounding, as in what a bias gets that the BatchNorm behind it takes
  // away.
  constexpr double kLeastNorm = 1e-8;
  const auto expected = [&](const char* what) { return fixture.at(title + "_" + what); };
  REQUIRE(expected("norm").size(0) == static_cast<int64_t>(tensors.size()));
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    const auto value = tensors[i].to(at::kDouble).contiguous();
    const double norm = expected("norm")[row].item<double>();
    const auto off = [&](double difference) {
      return std::abs(difference) / std::max(norm, kLeastNorm);
    };
    const auto first = value.flatten().slice(0, 0, kFirst) - expected("first")[row];
    const double probe = formula::probe(tensors.name(i), value);
    const std::string what = title + " of " + tensors.name(i);
    INFO(what);
    CHECK(expected("name_hash")[row].item<int64_t>() == formula::hashOf(tensors.name(i)));
    checkWithin(what + ", norm", off(value.norm().item<double>() - norm), tolerance);
    checkWithin(what + ", first", off(first.abs().max().item<double>()), tolerance);
    checkWithin(what + ", probe", off(probe - expected("probe")[row].item<double>()), tolerance);
  }
}

double relativeDistance(const at::Tensor& a, const at::Tensor& b) {
  const auto expected = b.to(at::kDouble);
  return (a.to(at::kDouble) - expected).norm().item<double>() / expected.norm().item<double>();
}

bool isClose(double value, double expected, double relative, double absolute) {
  return std::abs(value - expected) <= absolute + relative * std::abs(expected);
}

}  // namespace moco
