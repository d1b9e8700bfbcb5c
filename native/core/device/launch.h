#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace moco::cuda {

/// How many pieces of `size` it takes to hold `count`: the quotient, rounded up.
constexpr int64_t pieces(int64_t count, int64_t size) { return (count + size - 1) / size; }

/// Starts a kernel and returns without waiting for it.
/// @param name  names the kernel in the error
/// @throws std::runtime_error  if it cannot be started, with CUDA's reason
template <class... Parameters, class... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), dim3 blocks, dim3 threads,
            cudaStream_t stream, Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = blocks;
  config.blockDim = threads;
  config.stream = stream;
  cudaError_t error = cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...);
  if (error == cudaSuccess) error = cudaGetLastError();
  if (error == cudaSuccess) return;
  throw std::runtime_error(std::string("the kernel ") + name +
                           " did not start: " + cudaGetErrorString(error));
}

}  // namespace moco::cuda
