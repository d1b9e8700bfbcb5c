#include "core/files/pth_writer.h"

#include <caffe2/serialize/inline_container.h>

#include <cstdint>
#include <exception>
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

/// The few opcodes of pickle protocol 2 that a state dict needs.
class Pickle {
 public:
  Pickle() { text_ = "\x80\x02"; }

  void global(const std::string& module, const std::string& name) {
    text_ += "c" + module + "\n" + name + "\n";
  }
  void emptyTuple() { text_ += ')'; }
  void mark() { text_ += '('; }
  void tuple() { text_ += 't'; }  // of everything since the mark
  void reduce() { text_ += 'R'; }
  void persistentId() { text_ += 'Q'; }
  void setItems() { text_ += 'u'; }
  void newFalse() { text_ += '\x89'; }
  void string(const std::string& value) {
    text_ += 'X';
    littleEndian(value.size(), 4);
    text_ += value;
  }
  /// A non-negative number of up to 63 bits.
  void integer(int64_t value) {
    text_ += "\x8a\x08";  // LONG1, eight bytes
    littleEndian(static_cast<uint64_t>(value), 8);
  }
  void integers(at::IntArrayRef values) {
    mark();
    for (const int64_t value : values) integer(value);
    tuple();
  }
  void emptyOrderedDict() {
    global("collections", "OrderedDict");
    emptyTuple();
    reduce();
  }

  std::string finish() { return text_ + '.'; }

 private:
  void littleEndian(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) text_ += static_cast<char>(value >> (8 * i));
  }

  std::string text_;
};

/// The strides of a row-major tensor, in elements.
std::vector<int64_t> rowMajorStrides(at::IntArrayRef shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0; stride *= shape[i]) strides[i] = stride;
  return strides;
}

/// Pickles the reference to the zip's record `data/<key>`.
void pickleStorage(Pickle& pickle, const at::Tensor& tensor, const std::string& key) {
  const bool isUntyped = !untypedName(tensor.scalar_type()).empty();
  pickle.mark();
  pickle.string("storage");
  if (isUntyped) {
    pickle.global("torch.storage", "UntypedStorage");
  } else {
    pickle.global("torch", storageName(tensor.scalar_type()));
  }
  pickle.string(key);
  pickle.string("cpu");
  pickle.integer(isUntyped ? static_cast<int64_t>(tensor.nbytes()) : tensor.numel());
  pickle.tuple();
  pickle.persistentId();
}

/// Pickles the call that makes a tensor when Python loads it:
/// `torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)`, or for
/// a storage of bytes `_rebuild_tensor_v3` with the type as last argument.
/// @param key  the storage is the zip's record `data/<key>`
void pickleTensor(Pickle& pickle, const at::Tensor& tensor, const std::string& key) {
  const std::string untyped = untypedName(tensor.scalar_type());
  pickle.global("torch._utils", untyped.empty() ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3");
  pickle.mark();
  pickleStorage(pickle, tensor, key);
  pickle.integer(0);
  pickle.integers(tensor.sizes());
  pickle.integers(rowMajorStrides(tensor.sizes()));
  pickle.newFalse();
  pickle.emptyOrderedDict();
  if (!untyped.empty()) pickle.global("torch", untyped);
  pickle.tuple();
  pickle.reduce();
}

std::string pickleStateDict(const StateDict& state) {
  Pickle pickle;
  pickle.emptyOrderedDict();
  pickle.mark();
  for (size_t i = 0; i < state.size(); ++i) {
    pickle.string(state[i].first);
    pickleTensor(pickle, state[i].second, std::to_string(i));
  }
  pickle.setItems();
  return pickle.finish();
}

}  // namespace

void writePth(AtomicFile& file, const StateDict& state, const std::string& description) {
  // The zip writer finishes the archive in its destructor, where an exception would end the
  // process. The first failure is therefore kept until the writer is gone; nothing is written after
  // it.
  std::exception_ptr failure;
  const auto write = [&](const void* data, size_t size) {
    try {
      if (!failure) file.write(data, size);
    } catch (...) {
      failure = std::current_exception();
    }
    return size;
  };
  {
    caffe2::serialize::PyTorchStreamWriter zip(write);
    const std::string pickle = pickleStateDict(state);
    zip.writeRecord("data.pkl", pickle.data(), pickle.size());
    const std::string byteOrder = "little";
    zip.writeRecord("byteorder", byteOrder.data(), byteOrder.size());
    for (size_t i = 0; i < state.size(); ++i) {
      const auto tensor = state[i].second.to(at::kCPU).contiguous();
      zip.writeRecord("data/" + std::to_string(i), tensor.const_data_ptr(), tensor.nbytes());
    }
    if (!description.empty()) {
      zip.writeRecord(kDescriptionRecord, description.data(), description.size());
    }
    zip.writeEndOfFile();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace moco
