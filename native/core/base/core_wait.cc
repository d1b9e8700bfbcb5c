#include "core/base/core_wait.h"

#include <fstream>

namespace moco {

double secondsWithoutCore(const std::filesystem::path& file) {
  double computed = 0, waited = 0;  // nanoseconds
  return std::ifstream(file) >> computed >> waited ? 1e-9 * waited : 0;
}

}  // namespace moco
