#include "core/device/graphed_function.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "core/base/failure.h"
#ifdef MOCO_CUDA_KERNELS
#include "core/device/cuda_graph.h"
#endif

namespace moco {
namespace {

bool isAlike(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() && a.strides() == b.strides() && a.dtype() == b.dtype();
}

}  // namespace

MakeRecorder graphRecorders([[maybe_unused]] const at::Device& device) {
#ifdef MOCO_CUDA_KERNELS
  if (device.is_cuda()) return [device] { return cudaGraphRecorder(device); };
#endif
  return {};
}

GraphedFunction::GraphedFunction(Function function, std::unique_ptr<GraphRecorder> recorder)
    : function_(std::move(function)), recorder_(std::move(recorder)) {}

GraphedFunction::Tensors GraphedFunction::operator()(const Tensors& inputs) {
  if (!recorder_) return function_(inputs);
  if (!recorded_ || !fits(inputs)) {
    if (plainCalls_ < kPlainCalls) {
      ++plainCalls_;
      return function_(inputs);
    }
    if (!record(inputs)) return function_(inputs);
  }
  plainCalls_ = 0;
  for (size_t i = 0; i < inputs.size(); ++i) inputs_[i].copy_(inputs[i]);
  recorder_->replay();
  return outputs_;
}

bool GraphedFunction::record(const Tensors& inputs) {
  recorded_ = false;
  inputs_.clear();
  outputs_.clear();
  try {
    for (const auto& input : inputs) inputs_.push_back(input.clone());
    // A profiler would wait for the device at every operator, which CUDA does not allow while a
    // graph is recorded.
    const at::RecordFunctionGuard unobserved(/*is_enabled=*/false);
    recorder_->record([this] { outputs_ = function_(inputs_); });
    recorded_ = true;
  } catch (...) {
    // Recording changes nothing, so the caller can run the work plainly instead. Had the device
    // itself failed, the plain call would fail in the same way and report it.
    failure_ = describe(std::current_exception()).message;
    recorder_.reset();
    inputs_.clear();
    outputs_.clear();
  }
  return recorded_;
}

bool GraphedFunction::fits(const Tensors& inputs) const {
  return std::equal(inputs.begin(), inputs.end(), inputs_.begin(), inputs_.end(), isAlike);
}

}  // namespace moco
