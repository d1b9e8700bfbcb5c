#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/input/image_store.h"

namespace moco {

/// Where views of the training pictures are made.
struct DataPlacement {
  at::Device viewsDevice = at::kCPU;
  std::string reason;  // why there, as a text for the user
  ImageStore viewed;   // the training pictures on that device
};

/// Moves data sets to the device that computes if there is room for all of them, so that no picture
/// is copied there more than once; otherwise all stay on the CPU. Views are made on a GPU if the
/// data sets are there and this project's own kernels are used. If they are made on the CPU
/// although the data sets are on the GPU, the training pictures are kept in both places.
/// @param device  the device that computes, on which the model is already
/// @param train   the training pictures
/// @param others  pictures of which no views are made
DataPlacement placeData(const at::Device& device, ImageStore& train,
                        const std::vector<ImageStore*>& others);

/// Why data sets stay on the CPU: they would take more than half of a GPU's free memory. The other
/// half is for what training keeps for the backward pass.
/// @param bytes  the size of all data sets
/// @param free   the GPU's free memory in bytes
/// @return       a text for the user; empty if there is room
std::string lackOfRoom(int64_t bytes, int64_t free);

/// Replaces all stores by what `upload` returns for them, or none if `upload` runs out of memory.
/// @return  whether they were replaced
bool uploadAll(const std::vector<ImageStore*>& stores,
               const std::function<ImageStore(const ImageStore&)>& upload);

}  // namespace moco
