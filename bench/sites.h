#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/ops/convolution_shape.h"
#include "core/ops/epilogue.h"

/// A convolution of a network and what follows the BatchNorm after it.
struct Site {
  moco::ConvolutionShape convolution;
  moco::Epilogue epilogue;
  int64_t count;  // how many such layers the network has

  /// Elements of the convolution's input and of its output, of which BatchNorm's is made.
  int64_t inputs() const;
  int64_t outputs() const;
  /// Elements of the convolution's weight.
  int64_t weights() const;
  /// Floating-point operations of the convolution, and of each of its gradients.
  double operations() const;
  /// The convolution in words, as `3×3/2 128 → 128, 32²`.
  std::string name() const;
};

/// The layers of a backbone with the CIFAR stem, as the backbone itself has them, in the order in
/// which each first comes in the forward pass.
/// @param pictures  in a batch
/// @param side      height and width of a picture
/// @throws Error ERR_MOCO_CONFIG  if there is no such architecture
std::vector<Site> sitesOf(const std::string& arch, int64_t pictures, int64_t side);

/// The sites that differ for `isSame`, each with the counts of all that are the same.
template <class IsSame>
std::vector<Site> distinct(const std::vector<Site>& sites, const IsSame& isSame) {
  std::vector<Site> result;
  for (const Site& site : sites) {
    Site* known = nullptr;
    for (Site& other : result) {
      if (isSame(other, site)) known = &other;
    }
    if (known) {
      known->count += site.count;
    } else {
      result.push_back(site);
    }
  }
  return result;
}

/// The sites whose convolutions differ, whatever follows them.
std::vector<Site> distinctConvolutions(const std::vector<Site>& sites);
/// The sites whose BatchNorms differ, whatever comes before them.
std::vector<Site> distinctBatchNorms(const std::vector<Site>& sites);
