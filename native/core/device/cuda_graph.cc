// Must come first, because it defines CUDA_VERSION: without it, or with that of another CUDA, the
// class CUDAGraph would have another size here than in LibTorch.
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
    graph_.reset();
    // The graph allocates memory of its own, so what the plain calls left idle is given back first,
    // with the memory of an earlier graph.
    c10::cuda::CUDACachingAllocator::emptyCache();
    auto graph = std::make_unique<at::cuda::CUDAGraph>();
    const auto pool = at::cuda::graph_pool_handle();
    try {
      // In thread-local mode Node's other threads may call CUDA meanwhile as they like. What
      // autograd launches from a thread of its own is recorded nevertheless, because it uses this
      // stream.
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
  /// Ends the capture of the stream and gives back the recording's memory. A failure in here is not
  /// reported, because the exception that the work failed with is already on its way to the caller.
  void abandon(std::unique_ptr<at::cuda::CUDAGraph> graph, const c10::MempoolId_t& pool) const {
    try {
      graph->capture_end();
      return;  // the recording is complete: destroying the graph releases its memory
    } catch (const std::exception&) {
    }
    // CUDA has rejected the recording. In that case LibTorch (2.11 and others) does not release its
    // memory, and the allocator goes on asking the graph whether allocations belong to it. The
    // graph is therefore never destroyed, and the calls below release the memory.
    static_cast<void>(graph.release());
    namespace allocator = c10::cuda::CUDACachingAllocator;
    for (const auto& give : {allocator::endAllocateToPool, allocator::releasePool}) {
      try {
        give(device_.index(), pool);
      } catch (const c10::Error&) {  // this version of LibTorch has released it already
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
