#include "addon/machine.h"

#include <string>

#include "core/device/cpu_kernels.h"
#include "core/device/cuda_driver.h"
#include "core/device/device.h"

namespace moco::addon {
namespace {

Napi::Object deviceObject(Napi::Env env, const CudaDevice& device) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("name", device.name);
  object.Set("computeCapability",
             std::to_string(device.major) + "." + std::to_string(device.minor));
  object.Set("memoryBytes", static_cast<double>(device.memory));
  return object;
}

Napi::Object cudaObject(Napi::Env env, const CudaStatus& status) {
  Napi::Array devices = Napi::Array::New(env);
  for (const auto& device : status.devices) {
    devices.Set(devices.Length(), deviceObject(env, device));
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("devices", devices);
  object.Set("driverCuda", status.driverCuda);
  object.Set("cuda", status.cuda);
  object.Set("cudnn", status.cudnn);
  return object;
}

}  // namespace

Napi::Value hardware(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const CudaStatus& status = cudaStatus();
  Napi::Object result = Napi::Object::New(env);
  result.Set("cpuName", deviceName(at::kCPU));
  result.Set("cpuBf16", cpuHasBf16());
  result.Set("cpuKernelsUnavailable", cpuKernelsUnavailable());
  result.Set("usesAmx", useAmxKernels());
  result.Set("cuda", status.unavailable.empty() ? cudaObject(env, status) : env.Undefined());
  result.Set("cudaUnavailable", status.unavailable);
  return result;
}

Napi::Object memoryObject(Napi::Env env, const CachedMemory& memory) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("inUse", static_cast<double>(memory.inUse));
  object.Set("cached", static_cast<double>(memory.cached));
  object.Set("peak", static_cast<double>(memory.peak));
  object.Set("held", static_cast<double>(memory.held));
  return object;
}

}  // namespace moco::addon
