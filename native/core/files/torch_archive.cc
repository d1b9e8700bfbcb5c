#include "core/files/torch_archive.h"

#include <caffe2/serialize/inline_container.h>

#include <exception>

namespace moco {

void writeTorchArchive(AtomicFile& file, const std::string& pickle, const StateDict& state,
                       const Records& records) {
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
    zip.writeRecord("data.pkl", pickle.data(), pickle.size());
    const std::string byteOrder = "little";
    zip.writeRecord("byteorder", byteOrder.data(), byteOrder.size());
    for (size_t i = 0; i < state.size(); ++i) {
      const auto tensor = state[i].second.to(at::kCPU).contiguous();
      zip.writeRecord("data/" + std::to_string(i), tensor.const_data_ptr(), tensor.nbytes());
    }
    for (const auto& [name, content] : records) {
      zip.writeRecord(name, content.data(), content.size());
    }
    zip.writeEndOfFile();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace moco
