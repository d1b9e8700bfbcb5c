#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <optional>

namespace moco {

/// The number of threads that make views ahead of the training step: enough that the step does not
/// wait for views, and few enough that PyTorch's own threads keep their cores.
/// @param asked   the number that the user asks for, at least 1; absent leaves the choice to this
///                function
/// @param device  what the step runs on
int64_t chooseDataThreads(const std::optional<int64_t>& asked, const at::Device& device);

/// Sets the number of threads that PyTorch uses for what the calling thread computes.
/// @param asked  at least 1; absent keeps the number that PyTorch has chosen
/// @return       the number in use from now on
int64_t setComputeThreads(const std::optional<int64_t>& asked);

/// Divides 0 … count − 1 into consecutive parts and calls `body(begin, end)` for each, on PyTorch's
/// threads. Within a body, a nested call has a single part. If a body throws, the caller gets the
/// exception after all parts have ended.
///
/// `at::parallel_for` cannot be used instead: it is a header-only template that runs serially in
/// code compiled without OpenMP, as ours is, and OpenMP of our own would start a second set of
/// threads beside PyTorch's.
void parallelFor(int64_t count, const std::function<void(int64_t, int64_t)>& body);

}  // namespace moco
