#include "addon/tensor_source.h"

#include <array>
#include <string>
#include <utility>

#include "addon/properties.h"

namespace moco::addon {
namespace {

/// Types of elements by the names that safetensors gives them.
constexpr std::array<std::pair<const char*, at::ScalarType>, 18> kTypes{
    {{"F64", at::kDouble},
     {"F32", at::kFloat},
     {"F16", at::kHalf},
     {"BF16", at::kBFloat16},
     {"I64", at::kLong},
     {"I32", at::kInt},
     {"I16", at::kShort},
     {"I8", at::kChar},
     {"U8", at::kByte},
     {"BOOL", at::kBool},
     {"U64", at::kUInt64},
     {"U32", at::kUInt32},
     {"U16", at::kUInt16},
     {"C64", at::kComplexFloat},
     {"F8_E4M3", at::kFloat8_e4m3fn},
     {"F8_E4M3FNUZ", at::kFloat8_e4m3fnuz},
     {"F8_E5M2", at::kFloat8_e5m2},
     {"F8_E5M2FNUZ", at::kFloat8_e5m2fnuz}}};

at::ScalarType scalarType(const Napi::Object& tensor) {
  const std::string name = string(tensor, "dtype");
  for (const auto& [known, type] : kTypes) {
    if (name == known) return type;
  }
  throw Napi::TypeError::New(tensor.Env(), "there is no dtype " + name);
}

std::vector<int64_t> integers(const Napi::Object& object, const char* key) {
  const auto array = child(object, key).As<Napi::Array>();
  std::vector<int64_t> values;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    values.push_back(array.Get(i).ToNumber().Int64Value());
  }
  return values;
}

StoredTensor storedTensor(const Napi::Object& tensor) {
  const Napi::Object storage = child(tensor, "storage");
  StoredTensor stored{.name = string(tensor, "name"),
                      .type = scalarType(tensor),
                      .shape = integers(tensor, "shape"),
                      .strides = integers(tensor, "strides"),
                      .firstElement = integer(tensor, "firstElement"),
                      .storageOffset = integer(storage, "offset"),
                      .storageBytes = integer(storage, "bytes"),
                      .crc32 = {},
                      .bigEndian = {}};
  if (!isAbsent(storage, "crc32")) {
    stored.crc32 = static_cast<uint32_t>(integer(storage, "crc32"));
  }
  if (!isAbsent(storage, "bigEndian")) stored.bigEndian = integer(storage, "bigEndian");
  return stored;
}

}  // namespace

TensorSource tensorSource(const Napi::Object& source) {
  TensorSource result{string(source, "path"), {}};
  const auto tensors = child(source, "tensors").As<Napi::Array>();
  for (uint32_t i = 0; i < tensors.Length(); ++i) {
    result.tensors.push_back(storedTensor(tensors.Get(i).As<Napi::Object>()));
  }
  return result;
}

}  // namespace moco::addon
