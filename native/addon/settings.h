#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "addon/properties.h"

namespace moco::addon {

/// Gives settings the values of a configuration's properties of the same names. An optional setting
/// is left absent where the configuration says `auto`.
class SettingsReader {
 public:
  explicit SettingsReader(const Napi::Object& config) : config_(config) {}

  void operator()(const char* name, bool& value) const { value = boolean(config_, name); }
  void operator()(const char* name, double& value) const { value = number(config_, name); }
  void operator()(const char* name, int64_t& value) const { value = integer(config_, name); }
  void operator()(const char* name, uint64_t& value) const {
    value = static_cast<uint64_t>(integer(config_, name));
  }
  void operator()(const char* name, std::string& value) const { value = string(config_, name); }
  void operator()(const char* name, std::vector<double>& value) const {
    value = numbers(config_, name);
  }
  void operator()(const char* name, std::optional<int64_t>& value) const {
    value = integerOrAuto(config_, name);
  }

 private:
  Napi::Object config_;
};

/// Reads a struct of settings from a configuration.
/// @tparam Settings     a struct with a function `each`, which calls a visitor with the name of
/// every
///                      setting and a reference to it
/// @throws Napi::Error  where a property is missing or of another type
template <class Settings>
Settings settingsOf(const Napi::Object& config) {
  Settings settings{};
  settings.each(SettingsReader(config));
  return settings;
}

}  // namespace moco::addon
