#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

namespace moco::addon {

/// Properties of JavaScript objects, by name; all throw Napi::Error where one is missing or of
/// another type.
double number(const Napi::Object& object, const char* key);
int64_t integer(const Napi::Object& object, const char* key);
std::string string(const Napi::Object& object, const char* key);
Napi::Object child(const Napi::Object& object, const char* key);
bool isAbsent(const Napi::Object& object, const char* key);
std::vector<double> numbers(const Napi::Object& object, const char* key);
bool boolean(const Napi::Object& object, const char* key);
/// Of a Uint8Array with that many bytes.
const uint8_t* bytes(const Napi::Object& object, const char* key, int64_t expected);

}  // namespace moco::addon
