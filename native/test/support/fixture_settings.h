#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/fixtures.h"

namespace moco {

/// A visitor for `each` of a struct of settings: it gives those their values that a fixture holds,
/// as `setting.<name>` (test/parity/recipe_cases.py); the others keep theirs.
class FixtureSettings {
 public:
  explicit FixtureSettings(const Fixture& fixture) : fixture_(fixture) {}

  void operator()(const char* name, bool& value) const {
    if (const auto* found = find(name)) value = found->item<int64_t>() != 0;
  }
  void operator()(const char* name, double& value) const {
    if (const auto* found = find(name)) value = found->item<double>();
  }
  void operator()(const char* name, int64_t& value) const {
    if (const auto* found = find(name)) value = found->item<int64_t>();
  }
  void operator()(const char* name, std::string& value) const {
    const auto* found = find(name);
    if (!found) return;
    const auto* const bytes = reinterpret_cast<const char*>(found->const_data_ptr<uint8_t>());
    value.assign(bytes, bytes + found->numel());
  }
  void operator()(const char* name, std::vector<double>& value) const {
    const auto* found = find(name);
    if (!found) return;
    const auto numbers = found->to(at::kDouble).contiguous();
    value.assign(numbers.const_data_ptr<double>(),
                 numbers.const_data_ptr<double>() + numbers.numel());
  }

 private:
  const at::Tensor* find(const std::string& name) const {
    const auto found = fixture_.find("setting." + name);
    return found == fixture_.end() ? nullptr : &found->second;
  }

  const Fixture& fixture_;
};

}  // namespace moco
