#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moco::addon {

/// These read one property of a JavaScript object. All but `isAbsent` throw Napi::Error, which
/// names the property, where it is missing or of another type.
double number(const Napi::Object& object, const char* key);
int64_t integer(const Napi::Object& object, const char* key);
/// A whole number; absent where the property is the string `auto`.
std::optional<int64_t> integerOrAuto(const Napi::Object& object, const char* key);
std::string string(const Napi::Object& object, const char* key);
Napi::Object child(const Napi::Object& object, const char* key);
bool isAbsent(const Napi::Object& object, const char* key);
std::vector<double> numbers(const Napi::Object& object, const char* key);
/// The objects of an array.
std::vector<Napi::Object> objects(const Napi::Object& object, const char* key);
bool boolean(const Napi::Object& object, const char* key);
/// The elements of a typed array.
/// @param expected  how many elements the array must have
/// @tparam Element  uint8_t, int32_t, uint32_t or float
template <class Element>
const Element* elements(const Napi::Object& object, const char* key, int64_t expected);

}  // namespace moco::addon
