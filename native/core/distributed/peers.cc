#include "core/distributed/peers.h"

#include <ATen/ceil_div.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <utility>

namespace moco {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

/// A group in what autograd keeps for the backward pass.
struct SavedGroup : torch::CustomClassHolder {
  explicit SavedGroup(std::shared_ptr<Group> group) : group(std::move(group)) {}
  std::shared_ptr<Group> group;
};

struct Gather : torch::autograd::Function<Gather> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& part,
                            const std::shared_ptr<Group>& group) {
    context->saved_data["group"] =
        c10::IValue::make_capsule(c10::make_intrusive<SavedGroup>(group));
    return group->gather(part.contiguous());
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->saved_data["group"].toCapsule();
    Group& group = *c10::static_intrusive_pointer_cast<SavedGroup>(saved)->group;
    const auto sum = gradients[0].clone(at::MemoryFormat::Contiguous);
    group.finish(group.startSum(sum));
    const int64_t length = sum.size(0) / group.size();
    return {sum.narrow(0, group.rank() * length, length), at::Tensor()};
  }
};

}  // namespace

at::Tensor Peers::own(const at::Tensor& whole) const {
  if (alone()) return whole;
  const int64_t length = whole.size(0) / count();
  return whole.narrow(0, rank() * length, length);
}

at::Tensor Peers::gather(const at::Tensor& part) const {
  if (alone()) return part;
  if (part.requires_grad() && at::GradMode::is_enabled()) return Gather::apply(part, group_);
  return group_->gather(part.contiguous());
}

Peers::Range Peers::shareOf(int64_t count) const {
  const int64_t most = at::ceil_div(count, this->count());
  return {std::min(rank() * most, count), std::min((rank() + 1) * most, count)};
}

at::Tensor Peers::gatherShares(const at::Tensor& share, int64_t count) const {
  if (alone()) return share;
  auto sizes = share.sizes().vec();
  sizes[0] = at::ceil_div(count, this->count());
  const auto padded = at::zeros(sizes, share.options());
  padded.narrow(0, 0, share.size(0)).copy_(share);
  return group_->gather(padded).narrow(0, 0, count);
}

void Peers::average(const at::Tensor& tensor) const {
  if (alone()) return;
  group_->finish(group_->startSum(tensor));
  tensor.div_(count());
}

bool Peers::any(bool own) const {
  if (alone()) return own;
  const auto said = at::full({1}, own ? 1 : 0, at::kInt);
  group_->finish(group_->startSum(said));
  return said.item<int>() > 0;
}

}  // namespace moco
