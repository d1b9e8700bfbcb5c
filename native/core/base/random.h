#pragma once

#include <ATen/ATen.h>

#include <array>
#include <cstdint>
#include <vector>

namespace moco {

/// What a stream of random numbers is for. The numbers of one purpose never depend on how many
/// another one has used.
enum class Purpose : uint32_t {
  kWeights = 1,
  kQueue = 2,
  kShuffle = 3,
  kView = 4,
  kClassifier = 5,
  kKeyShuffle = 6
};

/// The counter-based generator Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
/// 1, 2, 3", SC 2011). Its numbers depend on (seed, purpose, first, second, third) alone, so views
/// can be drawn in any order and on any thread.
class Philox {
 public:
  /// @param first, second, third  number the streams of one purpose: for example epoch and view;
  ///                              `third` is below 2²⁴
  Philox(uint64_t seed, Purpose purpose, uint32_t first = 0, uint32_t second = 0,
         uint32_t third = 0);

  /// The next 32 random bits.
  uint32_t next();
  /// A number in [0, 1), with 53 random bits.
  double uniform();
  /// A number in [low, high).
  double uniform(double low, double high);
  /// An integer in [0, count).
  int64_t below(int64_t count);

 private:
  void refill();

  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
};

/// A uniformly random order of 0 … count-1.
std::vector<int64_t> shuffledIndices(int64_t count, Philox random);
/// The order in which an epoch visits the pictures.
std::vector<int64_t> shuffledIndices(int64_t count, uint64_t seed, uint32_t epoch);
/// Such an order for a disk that reads neighbours faster than single pictures: runs of
/// `kShuffledRun` neighbours in a random order, of which every `window` pictures are shuffled among
/// themselves.
std::vector<int64_t> shuffledInWindows(int64_t count, int64_t window, uint64_t seed,
                                       uint32_t epoch);
constexpr int64_t kShuffledRun = 256;

/// A CPU generator for PyTorch's own random fills (such as `normal_`).
/// @param seed     the run's seed
/// @param purpose  gives each use numbers of its own
at::Generator torchGenerator(uint64_t seed, Purpose purpose);

}  // namespace moco
