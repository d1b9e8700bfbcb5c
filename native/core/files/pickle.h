#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

namespace moco {

/// The few opcodes of pickle protocol 2 that tensors, and what holds them, need.
class Pickle {
 public:
  Pickle();

  void global(const std::string& module, const std::string& name);
  void mark() { text_ += '('; }
  void tuple() { text_ += 't'; }  // of everything since the mark
  void emptyTuple() { text_ += ')'; }
  void emptyDict() { text_ += '}'; }
  void setItems() { text_ += 'u'; }  // of everything since the mark
  void emptyOrderedDict();
  void reduce() { text_ += 'R'; }
  void newObject() { text_ += '\x81'; }
  void build() { text_ += 'b'; }
  void newFalse() { text_ += '\x89'; }
  void string(const std::string& value);
  /// A non-negative number of up to 63 bits.
  void integer(int64_t value);
  void integers(at::IntArrayRef values);
  /// A row-major tensor whose bytes are the archive's record `data/<key>`: the call
  /// `torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)`, or
  /// for a storage of bytes `_rebuild_tensor_v3` with the type as last argument.
  void tensor(const at::Tensor& tensor, const std::string& key);

  std::string finish() { return text_ + '.'; }

 private:
  void storage(const at::Tensor& tensor, const std::string& key);
  void persistentId() { text_ += 'Q'; }
  void littleEndian(uint64_t value, int bytes);

  std::string text_;
};

}  // namespace moco
