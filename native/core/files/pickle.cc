#include "core/files/pickle.h"

#include <vector>

namespace moco {
namespace {

/// The name of PyTorch's Python class for a storage of this type.
std::string storageName(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return "DoubleStorage";
    case at::kFloat:
      return "FloatStorage";
    case at::kHalf:
      return "HalfStorage";
    case at::kBFloat16:
      return "BFloat16Storage";
    case at::kLong:
      return "LongStorage";
    case at::kInt:
      return "IntStorage";
    case at::kShort:
      return "ShortStorage";
    case at::kChar:
      return "CharStorage";
    case at::kByte:
      return "ByteStorage";
    case at::kBool:
      return "BoolStorage";
    case at::kComplexFloat:
      return "ComplexFloatStorage";
    default:
      TORCH_CHECK(false, "no tensor of type ", type, " can be written to a .pth");
  }
}

/// PyTorch's name of a type that came after the last class of a storage: its tensors lie in
/// storages of bytes, and say their type themselves. Empty for the types that have a class.
std::string untypedName(at::ScalarType type) {
  switch (type) {
    case at::kUInt64:
      return "uint64";
    case at::kUInt32:
      return "uint32";
    case at::kUInt16:
      return "uint16";
    case at::kFloat8_e4m3fn:
      return "float8_e4m3fn";
    case at::kFloat8_e4m3fnuz:
      return "float8_e4m3fnuz";
    case at::kFloat8_e5m2:
      return "float8_e5m2";
    case at::kFloat8_e5m2fnuz:
      return "float8_e5m2fnuz";
    default:
      return "";
  }
}

/// The strides of a row-major tensor, in elements.
std::vector<int64_t> rowMajorStrides(at::IntArrayRef shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0; stride *= shape[i]) strides[i] = stride;
  return strides;
}

}  // namespace

Pickle::Pickle() : text_("\x80\x02") {}

void Pickle::global(const std::string& module, const std::string& name) {
  text_ += "c" + module + "\n" + name + "\n";
}

void Pickle::emptyOrderedDict() {
  global("collections", "OrderedDict");
  emptyTuple();
  reduce();
}

void Pickle::string(const std::string& value) {
  text_ += 'X';
  littleEndian(value.size(), 4);
  text_ += value;
}

void Pickle::integer(int64_t value) {
  text_ += "\x8a\x08";  // LONG1, eight bytes
  littleEndian(static_cast<uint64_t>(value), 8);
}

void Pickle::integers(at::IntArrayRef values) {
  mark();
  for (const int64_t value : values) integer(value);
  tuple();
}

void Pickle::tensor(const at::Tensor& tensor, const std::string& key) {
  const std::string untyped = untypedName(tensor.scalar_type());
  global("torch._utils", untyped.empty() ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3");
  mark();
  storage(tensor, key);
  integer(0);
  integers(tensor.sizes());
  integers(rowMajorStrides(tensor.sizes()));
  newFalse();
  emptyOrderedDict();
  if (!untyped.empty()) global("torch", untyped);
  tuple();
  reduce();
}

void Pickle::storage(const at::Tensor& tensor, const std::string& key) {
  const bool isUntyped = !untypedName(tensor.scalar_type()).empty();
  mark();
  string("storage");
  if (isUntyped) {
    global("torch.storage", "UntypedStorage");
  } else {
    global("torch", storageName(tensor.scalar_type()));
  }
  string(key);
  string("cpu");
  integer(isUntyped ? static_cast<int64_t>(tensor.nbytes()) : tensor.numel());
  tuple();
  persistentId();
}

void Pickle::littleEndian(uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) text_ += static_cast<char>(value >> (8 * i));
}

}  // namespace moco
