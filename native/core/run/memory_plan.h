#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>

namespace moco {

/// What decides how much memory a training run takes.
struct MemoryDemand {
  std::string arch;
  int64_t featureDim, queueLength, neighbours, batchSize;
  int64_t trainPictures, testPictures, height, width;
  int64_t batchesOfViews;  // that are kept ready
  at::ScalarType compute;  // of convolutions: kFloat or kBFloat16
  at::Device device;
  bool graph;  // whether steps and evaluations are recorded: both keep their memory then
};

/// What a GPU's libraries may take: cuBLAS's workspace (32 MiB on Hopper), the code of the kernels
/// that they load, and above all cuDNN's workspaces, which PyTorch limits only by what is free.
/// PaddlePaddle lets a convolution have 512 MiB unless told otherwise; this is twice that, because
/// recorded steps and recorded evaluations keep one each. CUDA's context needs no room: it is there
/// when free memory is asked for.
constexpr int64_t kLibraryBytes = int64_t{1} << 30;

/// Bytes that a run takes on its device at its peak, to about a tenth. Activations are counted from
/// the architecture: what autograd keeps of each layer and releases on its way back. What kernels
/// work in is left out: on a CPU with many threads some dozen MiB.
struct MemoryPlan {
  int64_t model;       // both encoders, their copies in the compute type, gradient, Adam's moments
  int64_t queue;       // (m, featureDim)
  int64_t pictures;    // data set and views
  int64_t step;        // what a training step works in
  int64_t evaluation;  // what a kNN evaluation works in, a little too much rather than too little
  int64_t libraries;   // `kLibraryBytes` on a GPU
  int64_t peak;
};

/// @throws Error ERR_MOCO_CONFIG  for an arch that does not exist
MemoryPlan planMemory(const MemoryDemand& demand);

/// The largest power of two from `least` to `most` whose plan fits in nine tenths of `available`
/// bytes.
/// @param demand  its batch size does not count
std::optional<int64_t> largestBatch(MemoryDemand demand, int64_t least, int64_t most,
                                    int64_t available);

/// What `--batch-size auto` takes: the largest batch that fits, at most 1024 on a GPU and 256, the
/// reference's, on a CPU, which larger ones do not make faster; from 32 on, where there are as many
/// pictures.
/// @throws Error ERR_MOCO_OUT_OF_MEMORY  where not even the smallest fits
int64_t chooseBatch(const MemoryDemand& demand, int64_t available);

/// `1.5 GiB`, `20 MiB`
std::string gibibytes(int64_t bytes);

}  // namespace moco
