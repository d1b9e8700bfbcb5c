#include "addon/properties.h"

#include <cmath>

namespace moco::addon {

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

const uint8_t* bytes(const Napi::Object& object, const char* key, int64_t expected) {
  const Napi::Value value = object.Get(key);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array ||
      value.As<Napi::Uint8Array>().ByteLength() != static_cast<size_t>(expected)) {
    throw Napi::TypeError::New(object.Env(), std::string(key) + " must be a Uint8Array of " +
                                                 std::to_string(expected) + " bytes");
  }
  return value.As<Napi::Uint8Array>().Data();
}

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

bool boolean(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsBoolean()) {
    throw Napi::TypeError::New(object.Env(), std::string(key) + " must be true or false");
  }
  return value.As<Napi::Boolean>();
}

bool isAbsent(const Napi::Object& object, const char* key) { return object.Get(key).IsUndefined(); }

}  // namespace moco::addon
