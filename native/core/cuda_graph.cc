// First: with another CUDA_VERSION, or none, CUDAGraph would be of another size than in LibTorch.
#include <cuda.h>
//
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/DeviceGuard.h>
#include <c10/cuda/CUDACachingAllocator.h>

#include <exception>
#include <utility>

#include "core/cuda_graph.h"

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
    try {
      // Node's other threads may ask CUDA what they like; autograd's work comes in by its stream.
      graph->capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
      work();
      graph->capture_end();
    } catch (...) {
      abandon(std::move(graph));
      throw;
    }
    graph_ = std::move(graph);
  }

  void replay() override { graph_->replay(); }

 private:
  /// Takes the stream out of capturing.
  static void abandon(std::unique_ptr<at::cuda::CUDAGraph> graph) {
    // Never freed: the allocator may go on asking it whether an allocation is the graph's.
    at::cuda::CUDAGraph* const kept = graph.release();
    try {
      kept->capture_end();
    } catch (const std::exception&) {  // what went wrong with the work is being thrown already
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
