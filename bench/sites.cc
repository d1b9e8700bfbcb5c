#include "sites.h"

#include "core/model/backbone.h"

using namespace moco;

namespace {

bool isSameConvolution(const Site& a, const Site& b) {
  const ConvolutionShape &x = a.convolution, &y = b.convolution;
  return x.pictures == y.pictures && x.height == y.height && x.width == y.width && x.in == y.in &&
         x.out == y.out && x.kernel == y.kernel && x.stride == y.stride && x.padding == y.padding;
}

ConvolutionShape shapeOf(const Convolution& layer, const NetworkPlan& plan, int64_t pictures,
                         int64_t height, int64_t width) {
  const auto& weight = plan.parameters[layer.weight].shape;  // (out, in, k, k)
  return {.pictures = pictures,
          .height = height,
          .width = width,
          .in = weight[1],
          .out = weight[0],
          .kernel = weight[2],
          .stride = layer.stride,
          .padding = layer.padding};
}

}  // namespace

int64_t Site::inputs() const {
  return convolution.pictures * convolution.height * convolution.width * convolution.in;
}

int64_t Site::outputs() const { return convolution.rows() * convolution.out; }

int64_t Site::weights() const {
  return convolution.in * convolution.out * convolution.kernel * convolution.kernel;
}

double Site::operations() const {
  return 2.0 * static_cast<double>(convolution.rows()) * static_cast<double>(weights());
}

std::string Site::name() const {
  const auto kernel = std::to_string(convolution.kernel);
  return kernel + "×" + kernel + "/" + std::to_string(convolution.stride) + " " +
         std::to_string(convolution.in) + " → " + std::to_string(convolution.out) + ", " +
         std::to_string(convolution.height) + "²";
}

std::vector<Site> sitesOf(const std::string& arch, int64_t pictures, int64_t side) {
  NetworkPlan plan;
  const Backbone backbone({.arch = arch}, plan);
  std::vector<Site> sites;
  // Adds a layer and gives its convolution's shape, whose output the next one reads.
  const auto add = [&](const Backbone::ConvNorm& layer, Epilogue epilogue, int64_t height,
                       int64_t width) {
    const auto shape = shapeOf(layer.convolution, plan, pictures, height, width);
    sites.push_back({shape, epilogue, 1});
    return shape;
  };
  auto last = add(backbone.stem(), Epilogue::kRelu, side, side);
  for (const auto& block : backbone.blocks()) {
    const auto height = last.outHeight(), width = last.outWidth();
    if (block.shortcut) add(*block.shortcut, Epilogue::kNone, height, width);
    for (const auto& layer : block.body) {
      const auto epilogue = &layer == &block.body.back() ? Epilogue::kAddRelu : Epilogue::kRelu;
      const bool isFirst = &layer == &block.body.front();
      last = isFirst ? add(layer, epilogue, height, width)
                     : add(layer, epilogue, last.outHeight(), last.outWidth());
    }
  }
  return distinct(sites, [](const Site& a, const Site& b) {
    return isSameConvolution(a, b) && a.epilogue == b.epilogue;
  });
}

std::vector<Site> distinctConvolutions(const std::vector<Site>& sites) {
  return distinct(sites, isSameConvolution);
}

std::vector<Site> distinctBatchNorms(const std::vector<Site>& sites) {
  return distinct(sites, [](const Site& a, const Site& b) {
    return a.convolution.rows() == b.convolution.rows() && a.convolution.out == b.convolution.out &&
           a.epilogue == b.epilogue;
  });
}
