// First: with another CUDA_VERSION, or none, CUDAGraph would be of another size than in LibTorch.
#include <cuda.h>
//
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/DeviceGuard.h>
#include <c10/cuda/CUDACachingAllocator.h>

#include <exception>
#include <utility>

#include "core/device/cuda_graph.h"

static_assert(CUDA_VERSION >= 12040, "LibTorch's CUDA graphs need a CUDA toolkit from 12.4 on");

namespace moco {
namespace {

class CudaGraphRecorder final : public GraphRecorder {
 public:
  explicit CudaGraphRecorder(const at::Device& device) : device_(device) {}

  void record(const std::function<void()>& work) override {
    const c10::DeviceGuard guard(device_);
    // What plain calls worked in is idle now, and the graph takes memory of its own.
    c10::cuda::CUDACachingAllocator::emptyCache();
    auto graph = std::make_unique<at::cuda::CUDAGraph>();
    const auto pool = at::cuda::graph_pool_handle();
    try {
      // Node's other threads may ask CUDA what they like; autograd's work comes in by its stream.
      graph->capture_begin(pool, cudaStreamCaptureModeThreadLocal);
      work();
      graph->capture_end();
    } catch (...) {
      abandon(std::move(graph), pool);
      throw;
    }
    graph_ = std::move(graph);
  }

  void replay() override { graph_->replay(); }

 private:
  /// Takes the stream out of capturing, and gives the recording's memory back. What it fails with
  /// is not told: what went wrong with the work is being thrown already.
  void abandon(std::unique_ptr<at::cuda::CUDAGraph> graph, const c10::MempoolId_t& pool) const {
    try {
      graph->capture_end();
      return;  // a whole recording, whose end releases its memory
    } catch (const std::exception&) {
    }
    // CUDA has refused the recording. LibTorch (2.11 and others) leaves its memory taken then, and
    // the allocator goes on asking the graph, which therefore stays, whether allocations are its
    // own.
    static_cast<void>(graph.release());
    namespace allocator = c10::cuda::CUDACachingAllocator;
    for (const auto& give : {allocator::endAllocateToPool, allocator::releasePool}) {
      try {
        give(device_.index(), pool);
      } catch (const c10::Error&) {  // a version that did so itself
      }
    }
  }

  at::Device device_;
  std::unique_ptr<at::cuda::CUDAGraph> graph_;
};

}  // namespace

std::unique_ptr<GraphRecorder> cudaGraphRecorder(const at::Device& device) {
  return std::make_unique<CudaGraphRecorder>(device);
}

}  // namespace moco
