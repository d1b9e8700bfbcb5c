#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

/// Of a benchmark's command line, the argument number `index`: a positive integer; without it
/// `fallback`. Anything else ends the process with one line that says so.
inline int64_t argument(int argc, char** argv, int index, int64_t fallback) {
  if (index >= argc) return fallback;
  const int64_t number = std::atoll(argv[index]);
  if (number > 0) return number;
  std::fprintf(stderr, "argument %d is \"%s\": it must be a positive integer\n", index, argv[index]);
  std::exit(EXIT_FAILURE);
}
