#pragma once

#include <ATen/ATen.h>
#include <c10/core/Stream.h>
#include <c10/core/StreamGuard.h>

#include <optional>

namespace moco {

/// A queue of work for a GPU, beside the one that a computing thread uses: what another thread does
/// on it goes on at the same time and does not hold up the first. For the CPU, which has no such
/// queues, it does nothing.
class SideStream {
 public:
  /// Takes a stream that is not the calling thread's.
  explicit SideStream(const at::Device& device);

  /// Makes what the stream is given from now on begin after all that the calling thread has given
  /// to its own stream before.
  void follow() const;

  /// Gives the stream to the calling thread, for as long as the result exists.
  c10::OptionalStreamGuard use() const { return c10::OptionalStreamGuard(stream_); }

 private:
  std::optional<c10::Stream> stream_;
};

}  // namespace moco
