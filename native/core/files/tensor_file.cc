#include "core/files/tensor_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "core/base/error.h"
#include "core/base/read_at.h"
#include "core/files/crc32.h"

namespace moco {
namespace {

/// A file open for reading.
class InputFile {
 public:
  explicit InputFile(const std::string& path)
      : path_(path), descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ >= 0) return;
    if (errno != EMFILE && errno != ENFILE) fail(std::strerror(errno));
    throw Error("ERR_MOCO_LIMIT", "cannot read " + path_ + ": " + std::strerror(errno),
                "Raise the limit on open files (`ulimit -n`), or close some.");
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile() { close(descriptor_); }

  void read(int64_t offset, char* target, int64_t size) const {
    const std::string failure = readAt(descriptor_, offset, target, size);
    if (!failure.empty()) fail(failure);
  }

  [[noreturn]] void fail(const std::string& reason) const {
    throw Error("ERR_MOCO_CHECKPOINT", "cannot read " + path_ + ": " + reason,
                "Use another copy of the file, or an earlier checkpoint.");
  }

 private:
  std::string path_;
  int descriptor_;
};

/// Turns numbers of `size` bytes around.
void reverseEach(uint8_t* data, int64_t bytes, int64_t size) {
  for (int64_t at = 0; at + size <= bytes; at += size) std::reverse(data + at, data + at + size);
}

/// The elements in a storage; what is left over at its end is less than one.
at::Tensor elementsOf(const at::Tensor& bytes, at::ScalarType type) {
  const auto size = static_cast<int64_t>(c10::elementSize(type));
  const int64_t count = bytes.numel() / size;
  return count == 0 ? at::empty({0}, type) : bytes.narrow(0, 0, count * size).view(type);
}

/// Reads the storage of a tensor and compares its checksum, if it has one.
/// @return  (storageBytes) uint8
at::Tensor readStorage(const InputFile& file, const StoredTensor& stored) {
  const auto bytes = at::empty({stored.storageBytes}, at::kByte);
  auto* data = bytes.mutable_data_ptr<uint8_t>();
  file.read(stored.storageOffset, reinterpret_cast<char*>(data), stored.storageBytes);
  if (stored.crc32 && crc32(data, bytes.nbytes()) != *stored.crc32) {
    file.fail("tensor " + stored.name + " is damaged: its checksum is wrong");
  }
  if (stored.bigEndian) reverseEach(data, stored.storageBytes, *stored.bigEndian);
  return bytes;
}

}  // namespace

StateDict readTensors(const TensorSource& source) {
  const InputFile file(source.path);
  // The key is offset and size: an empty storage has the same offset as the one after it.
  std::map<std::pair<int64_t, int64_t>, at::Tensor> storages;
  StateDict state;
  for (const auto& stored : source.tensors) {
    auto& bytes = storages[{stored.storageOffset, stored.storageBytes}];
    if (!bytes.defined()) bytes = readStorage(file, stored);
    const auto elements = elementsOf(bytes, stored.type);
    state.emplace_back(stored.name,
                       elements.as_strided(stored.shape, stored.strides, stored.firstElement));
  }
  return state;
}

}  // namespace moco
