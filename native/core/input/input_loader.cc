#include "core/input/input_loader.h"

#include "core/input/device_input_loader.h"
#include "core/input/host_input_loader.h"

namespace moco {

std::unique_ptr<InputLoader> makeInputLoader(const ImageStore& store, const InputOptions& options) {
  if (!store.isResident() || store.pixels.is_cpu())
    return std::make_unique<HostInputLoader>(store, options);
  return std::make_unique<DeviceInputLoader>(store, options);
}

}  // namespace moco
