#pragma once

#include <napi.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "addon/properties.h"
#include "core/base/optional_count.h"

namespace moco::addon {

/// A visitor for `each` of a struct of settings: it gives every setting the value that the
/// configuration has under the setting's name. An optional setting stays absent if the
/// configuration says `auto`.
class SettingsReader {
 public:
  explicit SettingsReader(const Napi::Object& config) : config_(config) {}

  void operator()(const char* name, bool& value) const { value = boolean(config_, name); }
  void operator()(const char* name, double& value) const { value = number(config_, name); }
  void operator()(const char* name, int64_t& value) const { value = integer(config_, name); }
  void operator()(const char* name, uint64_t& value) const {
    const int64_t whole = integer(config_, name);
    if (whole < 0) {
      throw Napi::TypeError::New(config_.Env(), std::string(name) + " must not be negative");
    }
    value = static_cast<uint64_t>(whole);
  }
  void operator()(const char* name, std::string& value) const { value = string(config_, name); }
  void operator()(const char* name, std::vector<double>& value) const {
    value = numbers(config_, name);
  }
  void operator()(const char* name, std::array<double, 2>& value) const {
    const auto pair = numbers(config_, name);
    if (pair.size() != value.size()) {
      throw Napi::TypeError::New(config_.Env(), std::string(name) + " must be two numbers");
    }
    std::copy(pair.begin(), pair.end(), value.begin());
  }
  void operator()(const char* name, std::optional<int64_t>& value) const {
    value = integerOrAuto(config_, name);
  }
  void operator()(const char* name, OptionalCount& count) const {
    if (!isAbsent(config_, name)) count.value = integer(config_, name);
  }
  /// A list of objects, each a struct of settings.
  template <class Settings>
  void operator()(const char* name, std::vector<Settings>& value) const;

 private:
  Napi::Object config_;
};

/// Reads a struct of settings from a configuration.
/// @tparam Settings  a struct whose function `each` calls a visitor with the name of every setting
///                   and a reference to it
/// @throws Napi::Error  where a property is missing or of another type
template <class Settings>
Settings settingsOf(const Napi::Object& config) {
  Settings settings{};
  settings.each(SettingsReader(config));
  return settings;
}

template <class Settings>
void SettingsReader::operator()(const char* name, std::vector<Settings>& value) const {
  value.clear();
  for (const Napi::Object& object : objects(config_, name)) {
    value.push_back(settingsOf<Settings>(object));
  }
}

}  // namespace moco::addon
