#pragma once

#include <ATen/ATen.h>

#include <memory>

#include "timed_calls.h"

/// What the device can do at most, as far as a plain copy and plain matrix products tell.
struct Rates {
  double copy;      // bytes per second that a copy within the device reads and writes
  double product;   // operations per second of a product of large square matrices, in bf16
  double product32;  // … and in fp32, or TF32 where that is allowed
};

/// Times a copy and matrix products, again and again, since a GPU's clock changes with its
/// temperature.
class Ceilings {
 public:
  explicit Ceilings(const at::Device& device);

  Rates measure();

 private:
  TimedCalls productOf(at::ScalarType type) const;

  at::Device device_;
  int64_t side_;       // of the matrices
  int64_t copyBytes_;  // of the tensor that is copied
  TimedCalls copy_, product_, product32_;
};
