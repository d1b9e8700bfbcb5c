#include "ceilings.h"

namespace {

TimedCalls copyOf(const at::Device& device, int64_t bytes) {
  const auto options = at::device(device).dtype(at::kByte);
  const auto source = at::randint(256, {bytes}, options), target = at::empty({bytes}, options);
  return {device, 1, [=](int64_t) { target.copy_(source); }};
}

}  // namespace

Ceilings::Ceilings(const at::Device& device)
    : device_(device),
      side_(device.is_cpu() ? 256 : 8192),
      copyBytes_(int64_t{1} << (device.is_cpu() ? 22 : 30)),
      copy_(copyOf(device, copyBytes_)),
      product_(productOf(at::kBFloat16)),
      product32_(productOf(at::kFloat)) {}

TimedCalls Ceilings::productOf(at::ScalarType type) const {
  const auto options = at::device(device_).dtype(type);
  const auto a = at::randn({side_, side_}, options), b = at::randn({side_, side_}, options);
  auto product = at::empty({side_, side_}, options);
  return {device_, 1, [=](int64_t) mutable { at::mm_out(product, a, b); }};
}

Rates Ceilings::measure() {
  const auto side = static_cast<double>(side_);
  const double operations = 2 * side * side * side;
  return {.copy = 2 * static_cast<double>(copyBytes_) / copy_.seconds(),
          .product = operations / product_.seconds(),
          .product32 = operations / product32_.seconds()};
}
