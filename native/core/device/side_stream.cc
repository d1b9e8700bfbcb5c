#include "core/device/side_stream.h"

#include <c10/core/Event.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

namespace moco {

SideStream::SideStream(const at::Device& device) {
  if (device.is_cpu()) return;
  const auto* gpu = c10::impl::getDeviceGuardImpl(device.type());
  const c10::Stream callers = gpu->getStream(device);
  // The pool deals out its few streams in turn, and may come to the calling thread's.
  do {
    stream_ = gpu->getStreamFromGlobalPool(device);
  } while (*stream_ == callers);
}

void SideStream::follow() const {
  if (!stream_) return;
  c10::Event event(stream_->device_type());
  event.record(c10::impl::getDeviceGuardImpl(stream_->device_type())->getStream(stream_->device()));
  event.block(*stream_);
}

}  // namespace moco
