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
  std::string reason;  // in words for the user
  ImageStore viewed;   // the training pictures, there
};

/// Moves data sets to the device that computes, where there is room, so that no picture is carried
/// there more than once; else all of them stay on the CPU. Views are made on a GPU where the data
/// sets lie there and kernels of our own are used; where they are made on the CPU although the data
/// sets lie on the GPU, the training pictures stay in both places.
/// @param device  on which the model lies already
/// @param train   the training pictures
/// @param others  what is only evaluated
DataPlacement placeData(const at::Device& device, ImageStore& train,
                        const std::vector<ImageStore*>& others);

/// Why data sets of `bytes` stay on the CPU; empty where they do not. They may take half of the
/// device's free memory: the rest is for what training keeps for the backward pass.
std::string lackOfRoom(int64_t bytes, int64_t free);

/// Replaces pictures and labels by what `upload` makes of them: of all stores, or of none where
/// that meets a c10::OutOfMemoryError.
/// @return  whether they were replaced
bool uploadAll(const std::vector<ImageStore*>& stores,
               const std::function<at::Tensor(const at::Tensor&)>& upload);

}  // namespace moco
