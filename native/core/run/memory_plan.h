#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>

#include "core/device/machine.h"
#include "core/run/trainer_settings.h"

namespace moco {

/// What decides how much memory a training run takes.
struct MemoryDemand {
  TrainerSettings settings;
  Machine machine;  // what the compute settings come to
  int64_t trainPictures, testPictures;
  int64_t height, width;            // of the pictures; views are as large as the settings say
  bool picturesStayInFile = false;  // where a CPU trains
  bool canVote = true;              // whether labels are there for a kNN evaluation
};

/// An allowance for what a GPU's libraries take: cuBLAS's workspace (32 MiB on Hopper), the code of
/// the kernels that they load, and above all cuDNN's workspaces, which PyTorch limits only by the
/// memory that is free. PaddlePaddle allows a convolution 512 MiB by default. This is twice that,
/// because recorded steps and recorded evaluations keep a workspace each. CUDA's context is not
/// counted, because it exists already when the free memory is asked for.
constexpr int64_t kLibraryBytes = int64_t{1} << 30;

/// An estimate, to about a tenth, of the bytes that a run takes on its device. Activations are
/// counted from the architecture: what autograd keeps of each layer and releases during the
/// backward pass. The workspaces of kernels are left out: on a CPU with many threads they are some
/// dozen MiB.
struct MemoryPlan {
  int64_t
      model;  // both encoders, their copies in the compute type, gradient, the optimiser's state
  int64_t queue;       // (m, D)
  int64_t pictures;    // the data set and the views that are kept ready
  int64_t step;        // activations, loss and gradients of a training step
  int64_t evaluation;  // of an evaluation; rather a little too much than too little
  int64_t snapshot;    // the copy of the run's state that is written while the run goes on
  int64_t libraries;   // `kLibraryBytes` on a GPU
  int64_t peak;        // the most that is in use at once
};

/// Plans a run's memory.
/// @throws Error ERR_MOCO_CONFIG  for an arch that does not exist
MemoryPlan planMemory(const MemoryDemand& demand);

/// The largest power of two from `least` to `most` for which the planned peak fits in nine tenths
/// of `available` bytes; nothing if there is none.
/// @param demand  its batch size is ignored
std::optional<int64_t> largestBatch(MemoryDemand demand, int64_t least, int64_t most,
                                    int64_t available);

/// The batch size for `--batch-size auto`: the largest power of two that fits. It is at most 1024
/// on a GPU, and at most 256 (the reference's) on a CPU, which larger batches do not make faster.
/// It is at least 32, unless there are fewer pictures.
/// @param available  bytes
/// @throws Error ERR_MOCO_OUT_OF_MEMORY  if not even the smallest batch fits
int64_t chooseBatch(const MemoryDemand& demand, int64_t available);

/// An amount of memory as people read it, such as `1.5 GiB` or `20 MiB`.
std::string gibibytes(int64_t bytes);

}  // namespace moco
