#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

/// How long `function` takes, in seconds.
template <class Function>
double secondsOf(const Function& function) {
  const auto start = std::chrono::steady_clock::now();
  function();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// @param numbers  at least one; of an even number the upper of the two in the middle is taken
inline double median(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers[numbers.size() / 2];
}
