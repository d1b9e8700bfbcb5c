#include "addon/properties.h"

#include <cmath>

namespace moco::addon {
namespace {

template <class Element>
constexpr napi_typedarray_type kArrayType = napi_uint8_array;
template <>
constexpr napi_typedarray_type kArrayType<int32_t> = napi_int32_array;
template <>
constexpr napi_typedarray_type kArrayType<uint32_t> = napi_uint32_array;
template <>
constexpr napi_typedarray_type kArrayType<float> = napi_float32_array;

}  // namespace

double number(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsNumber()) {
    throw Napi::TypeError::New(object.Env(), std::string(key) + " must be a number");
  }
  return value.As<Napi::Number>().DoubleValue();
}

int64_t integer(const Napi::Object& object, const char* key) {
  constexpr double kLargestSafe = 9007199254740991;
  const double value = number(object, key);
  if (std::trunc(value) != value || std::abs(value) > kLargestSafe) {
    throw Napi::TypeError::New(object.Env(), std::string(key) + " must be a whole number");
  }
  return static_cast<int64_t>(value);
}

std::optional<int64_t> integerOrAuto(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (value.IsString() && value.As<Napi::String>().Utf8Value() == "auto") return {};
  return integer(object, key);
}

std::string string(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsString()) {
    throw Napi::TypeError::New(object.Env(), std::string(key) + " must be a string");
  }
  return value.As<Napi::String>().Utf8Value();
}

Napi::Object child(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsObject()) {
    throw Napi::TypeError::New(object.Env(), std::string(key) + " must be an object");
  }
  return value.As<Napi::Object>();
}

template <class Element>
const Element* elements(const Napi::Object& object, const char* key, int64_t expected) {
  using Array = Napi::TypedArrayOf<Element>;
  const Napi::Value value = object.Get(key);
  const bool fits = value.IsTypedArray() &&
                    value.As<Napi::TypedArray>().TypedArrayType() == kArrayType<Element> &&
                    value.As<Array>().ElementLength() == static_cast<size_t>(expected);
  if (!fits) {
    throw Napi::TypeError::New(object.Env(), std::string(key) + " must be a typed array of " +
                                                 std::to_string(expected) + " elements of " +
                                                 std::to_string(8 * sizeof(Element)) + " bits");
  }
  return value.As<Array>().Data();
}

template const uint8_t* elements(const Napi::Object&, const char*, int64_t);
template const int32_t* elements(const Napi::Object&, const char*, int64_t);
template const uint32_t* elements(const Napi::Object&, const char*, int64_t);
template const float* elements(const Napi::Object&, const char*, int64_t);

std::vector<double> numbers(const Napi::Object& object, const char* key) {
  const auto refuse = [&] {
    throw Napi::TypeError::New(object.Env(), std::string(key) + " must be an array of numbers");
  };
  const Napi::Value value = object.Get(key);
  if (!value.IsArray()) refuse();
  const auto array = value.As<Napi::Array>();
  std::vector<double> values;
  values.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value element = array.Get(i);
    if (!element.IsNumber()) refuse();
    values.push_back(element.As<Napi::Number>().DoubleValue());
  }
  return values;
}

std::vector<Napi::Object> objects(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsArray()) {
    throw Napi::TypeError::New(object.Env(), std::string(key) + " must be an array of objects");
  }
  const auto array = value.As<Napi::Array>();
  std::vector<Napi::Object> elements;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const std::string place = std::to_string(i);
    elements.push_back(child(array, place.c_str()));
  }
  return elements;
}

bool boolean(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsBoolean()) {
    throw Napi::TypeError::New(object.Env(), std::string(key) + " must be true or false");
  }
  return value.As<Napi::Boolean>();
}

bool isAbsent(const Napi::Object& object, const char* key) { return object.Get(key).IsUndefined(); }

}  // namespace moco::addon
