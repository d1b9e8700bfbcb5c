#include "layers.h"

using namespace moco;

namespace {

const char* nameOf(Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::kRelu:
      return ", ReLU";
    case Epilogue::kAddRelu:
      return ", addition, ReLU";
    case Epilogue::kNone:
      break;
  }
  return "";
}

}  // namespace

std::string batchNormName(const Site& site) {
  return std::to_string(site.convolution.out) + " channels, " +
         std::to_string(site.convolution.outHeight()) + "²" + nameOf(site.epilogue);
}

std::string convolutionName(const Site& site) { return site.name(); }

std::string foldedName(const Site& site) { return site.name() + nameOf(site.epilogue); }

double bytesOf(const Setting& setting, int64_t elements) {
  return static_cast<double>(elements) * static_cast<double>(c10::elementSize(setting.type));
}

at::Tensor randomActivations(const Setting& setting, at::IntArrayRef shape) {
  const auto numbers = at::randn(shape, at::device(setting.device));
  return numbers.to(setting.type).contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor randomInput(const Setting& setting, const Site& site) {
  const auto& shape = site.convolution;
  return randomActivations(setting, {shape.pictures, shape.in, shape.height, shape.width});
}

at::Tensor randomOutput(const Setting& setting, const Site& site) {
  const auto& shape = site.convolution;
  return randomActivations(setting, {shape.pictures, shape.out, shape.outHeight(), shape.outWidth()});
}
