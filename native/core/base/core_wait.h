#pragma once

#include <filesystem>

namespace moco {

/// For how many seconds the calling thread, since it began, could have computed and had no core:
/// others had them, or a quota was used up. 0 where the system does not tell.
/// @param file  Linux' statistics of the thread
double secondsWithoutCore(const std::filesystem::path& file = "/proc/thread-self/schedstat");

}  // namespace moco
