#include "core/device/cuda_driver.h"

#include <ATen/Context.h>
#include <dlfcn.h>

#include <array>
#include <optional>
#include <string>

namespace moco {
namespace {

// From CUDA's driver API, whose binary interface is stable.
constexpr int kSuccess = 0;
constexpr int kCapabilityMajor = 75;
constexpr int kCapabilityMinor = 76;

struct Driver {
  int (*init)(unsigned);
  int (*deviceCount)(int*);
  int (*deviceName)(char*, int, int);
  int (*deviceAttribute)(int*, int, int);
  int (*deviceMemory)(size_t*, int);
  int (*driverVersion)(int*);
};

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

/// Opens NVIDIA's driver.
/// @param missing  gets what is missing of it, where it cannot be used
std::optional<Driver> openDriver(std::string& missing) {
  // Never closed: LibTorch uses the same library for the rest of the process.
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    missing = "no NVIDIA driver is installed (libcuda.so.1 is not there)";
    return std::nullopt;
  }
  Driver driver{};
  if (find(library, "cuInit", driver.init) &&
      find(library, "cuDeviceGetCount", driver.deviceCount) &&
      find(library, "cuDeviceGetName", driver.deviceName) &&
      find(library, "cuDeviceGetAttribute", driver.deviceAttribute) &&
      find(library, "cuDeviceTotalMem_v2", driver.deviceMemory) &&
      find(library, "cuDriverGetVersion", driver.driverVersion)) {
    return driver;
  }
  missing = "the NVIDIA driver is too old";
  return std::nullopt;
}

CudaDevice describe(const Driver& driver, int index) {
  CudaDevice device{};
  std::array<char, 256> name{};
  driver.deviceName(name.data(), name.size(), index);
  device.name = name.data();
  driver.deviceAttribute(&device.major, kCapabilityMajor, index);
  driver.deviceAttribute(&device.minor, kCapabilityMinor, index);
  driver.deviceMemory(&device.memory, index);
  return device;
}

/// Writes a version as people do: 12080 as "12.8".
std::string cudaVersion(long version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// Writes a version as people do: 91002 as "9.10.2".
std::string cudnnVersion(long version) {
  return std::to_string(version / 10000) + "." + std::to_string(version % 10000 / 100) + "." +
         std::to_string(version % 100);
}

long driverVersion(const Driver& driver) {
  int version = 0;
  driver.driverVersion(&version);
  return version;
}

CudaStatus unavailable(const std::string& reason) {
  CudaStatus status;
  status.unavailable = reason;
  return status;
}

/// Whether LibTorch's part for CUDA has been opened. One addon serves CPU and CUDA builds.
bool isCudaBuild() { return dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_NOLOAD) != nullptr; }

CudaStatus askDriver() {
  if (!isCudaBuild()) return unavailable("LibTorch is a CPU build");
  std::string missing;
  const std::optional<Driver> opened = openDriver(missing);
  if (!opened) return unavailable(missing);
  const Driver& driver = *opened;
  if (const int error = driver.init(0); error != kSuccess) {
    return unavailable("NVIDIA's driver does not start (cuInit: error " + std::to_string(error) +
                       ")");
  }
  int count = 0;
  driver.deviceCount(&count);
  if (count == 0) {
    return unavailable("NVIDIA's driver sees no GPU (CUDA_VISIBLE_DEVICES may hide it)");
  }
  if (!at::globalContext().hasCUDA()) {
    return unavailable(
        whyLibtorchFindsNone(driverVersion(driver), at::globalContext().versionCUDART()));
  }
  CudaStatus status;
  status.driverCuda = cudaVersion(driverVersion(driver));
  status.cuda = cudaVersion(at::globalContext().versionCUDART());
  status.cudnn = cudnnVersion(at::globalContext().versionCuDNN());
  for (int index = 0; index < count; ++index) status.devices.push_back(describe(driver, index));
  return status;
}

}  // namespace

std::string whyLibtorchFindsNone(long driver, long libtorch) {
  const std::string versions = "NVIDIA's driver supports CUDA " + cudaVersion(driver) +
                               ", and LibTorch was built with " + cudaVersion(libtorch);
  // A driver that is older works, too, if its major version is the same.
  if (driver / 1000 < libtorch / 1000) {
    return versions + ": the driver is too old, or LibTorch too new";
  }
  return versions + ", but finds no GPU that works (nvidia-smi may tell why)";
}

const CudaStatus& cudaStatus() {
  // Asked once, because it takes seconds on a machine with many GPUs.
  static const CudaStatus status = askDriver();
  return status;
}

}  // namespace moco
