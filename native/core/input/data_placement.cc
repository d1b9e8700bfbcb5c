#include "core/input/data_placement.h"

#include <cstdio>
#include <exception>

#include "core/base/failure.h"
#include "core/device/cuda_kernels.h"
#include "core/device/device.h"

namespace moco {
namespace {

std::string inGigabytes(int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f GB", static_cast<double>(bytes) / 1e9);
  return text;
}

int64_t bytesOf(const std::vector<ImageStore*>& stores) {
  int64_t bytes = 0;
  for (const ImageStore* store : stores) {
    bytes += store->bytes();
  }
  return bytes;
}

}  // namespace

std::string lackOfRoom(int64_t bytes, int64_t free) {
  if (bytes <= free / 2) return "";
  return "the data set, " + inGigabytes(bytes) + ", is more than half of the GPU's free memory, " +
         inGigabytes(free);
}

bool uploadAll(const std::vector<ImageStore*>& stores,
               const std::function<ImageStore(const ImageStore&)>& upload) {
  std::vector<ImageStore> uploaded;
  try {
    for (const ImageStore* store : stores) uploaded.push_back(upload(*store));
  } catch (...) {
    if (describe(std::current_exception()).code != "ERR_MOCO_OUT_OF_MEMORY") throw;
    return false;
  }
  for (size_t i = 0; i < stores.size(); ++i) *stores[i] = uploaded[i];
  return true;
}

DataPlacement placeData(const at::Device& device, ImageStore& train,
                        const std::vector<ImageStore*>& others) {
  const auto onCpu = [host = train](const std::string& reason) {
    return DataPlacement{at::kCPU, reason, host};
  };
  if (device.is_cpu()) return onCpu("the CPU trains");
  std::vector<ImageStore*> stores = others;
  stores.push_back(&train);
  const int64_t bytes = bytesOf(stores);
  if (const auto lack = lackOfRoom(bytes, availableMemory(device)); !lack.empty()) {
    return onCpu(lack);
  }
  if (!uploadAll(stores, [&](const ImageStore& store) { return store.to(device); })) {
    return onCpu("the GPU ran out of memory while the data set, " + inGigabytes(bytes) +
                 ", was carried there");
  }
  if (!useCudaKernels()) {
    return onCpu("moco's own CUDA kernels are not used: " + cudaKernelsUnavailable());
  }
  return {device, "the data set, " + inGigabytes(bytes) + ", lies there", train};
}

}  // namespace moco
