#include "core/contrast/encode_views.h"

#include <algorithm>
#include <iterator>

#include "core/ops/normalise_rows.h"

namespace moco {
namespace {

/// Numbers of views of one size.
using SameSize = std::vector<size_t>;

/// The views that the query encoder sees, by size, in the order of their first ones.
std::vector<SameSize> queryBatches(const std::vector<View>& views, bool hasKeyEncoder) {
  std::vector<SameSize> batches;
  for (size_t number = 0; number < views.size(); ++number) {
    if (!views[number].student && hasKeyEncoder) continue;
    const auto sizes = views[number].pictures.sizes();
    const auto same = std::find_if(batches.begin(), batches.end(), [&](const SameSize& batch) {
      return views[batch.front()].pictures.sizes() == sizes;
    });
    if (same == batches.end()) {
      batches.push_back({number});
    } else {
      same->push_back(number);
    }
  }
  return batches;
}

/// What `joined` has joined, each part of the same length.
std::vector<at::Tensor> parts(const at::Tensor& tensor, int64_t count) {
  return count == 1 ? std::vector<at::Tensor>{tensor} : tensor.chunk(count);
}

}  // namespace

at::Tensor joined(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> defined;
  std::copy_if(tensors.begin(), tensors.end(), std::back_inserter(defined),
               [](const at::Tensor& tensor) { return tensor.defined(); });
  return defined.size() == 1 ? defined.front() : at::cat(defined);
}

Passes passesOf(const StepInput& batch, bool hasKeyEncoder) {
  const auto isTeacher = [](const View& view) { return view.teacher; };
  return {std::ssize(queryBatches(batch.views, hasKeyEncoder)),
          std::count_if(batch.views.begin(), batch.views.end(), isTeacher)};
}

EncodedViews encodeViews(const StepInput& batch, Encoder& query, MomentumEncoder* key,
                         const Peers& peers) {
  const auto& views = batch.views;
  EncodedViews encoded{std::vector<at::Tensor>(views.size()),
                       std::vector<at::Tensor>(views.size())};
  // Keys come first, because the query encoder's activations stay in memory until the backward
  // pass.
  for (size_t i = 0; i < views.size() && key; ++i) {
    if (!views[i].teacher) continue;
    encoded.keys[i] = key->encode(views[i], batch.keyOrder, peers);  // k = f_k.forward(x_k)
  }
  for (const SameSize& numbers : queryBatches(views, key != nullptr)) {
    std::vector<at::Tensor> pictures;
    for (const size_t number : numbers) pictures.push_back(views[number].pictures);
    const auto count = static_cast<int64_t>(numbers.size());
    const auto features = query.backbone(joined(pictures), Mode::kTrain, count);
    const auto projections = query.head(features, Mode::kTrain, count);
    const auto keys = parts(normaliseRows(projections), count);
    const auto queries =  // q = f_q.forward(x_q)
        query.hasPredictor() ? parts(query.predict(projections, Mode::kTrain, count), count) : keys;
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (views[numbers[i]].student) encoded.queries[numbers[i]] = queries[i];
      if (!key) encoded.keys[numbers[i]] = peers.gather(keys[i]);
    }
  }
  return encoded;
}

}  // namespace moco
