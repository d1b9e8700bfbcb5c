#include "core/search/searcher.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/device/cpu_kernels.h"
#include "core/search/nearest_rows.h"
#include "core/search/row_products.h"

namespace moco {
namespace {

/// In fewer rows than these, finding out which need no product takes longer than it saves.
constexpr int64_t kFewRows = 1024;
constexpr int64_t kMostRows = int64_t{1} << 32;     // whose numbers fit in 32 bits
constexpr int64_t kMostNumbers = int64_t{1} << 20;  // of a row
constexpr int64_t kMostKept = int64_t{1} << 22;     // neighbours of all queries of a group

Machine machineFor(const SearcherSettings& settings) {
  const ComputeSettings compute{.device = "cpu", .precision = "fp32", .threads = settings.threads};
  const Machine machine = resolveMachine(compute);
  setUpMachine(machine, compute);
  return machine;
}

SearcherSettings checked(const SearcherSettings& settings) {
  const auto& [count, dims, metric, firstPass, threads] = settings;
  if (count < 0 || count > kMostRows) {
    throw Error("ERR_MOCO_CONFIG", "count: " + std::to_string(count) + " rows are too many",
                "Make several indexes.");
  }
  if (dims < 1 || dims > kMostNumbers) {
    throw Error(
        "ERR_MOCO_CONFIG",
        "dims: " + std::to_string(dims) + " is not between 1 and " + std::to_string(kMostNumbers),
        "Give the length of a feature.");
  }
  return settings;
}

FeatureRows::Place fitting(const FeatureRows::Place& place, const SearcherSettings& settings) {
  if (place.count == settings.count && place.dims == settings.dims) return place;
  throw Error("ERR_MOCO_CONFIG", "the file's rows are not those that were asked for");
}

/// @param what  what is not finite, for people to read
void requireFiniteLength(float length, const std::string& what) {
  if (length <= kLongestVector) return;  // which a NaN is not
  throw Error("ERR_MOCO_NON_FINITE",
              what + " has a number that is not finite, or too large to be compared in fp32",
              "Look where it comes from: features of a sound model are finite.");
}

/// The nearest rows of a group of queries.
class NearestOfGroup final : public RowSink {
 public:
  NearestOfGroup(int64_t queries, int64_t k) {
    for (int64_t i = 0; i < queries; ++i) nearest_.emplace_back(k);
  }

  float threshold(int64_t query) const override { return nearest_[query].threshold(); }
  void offer(int64_t query, int64_t row, float similarity) override {
    nearest_[query].offer({.similarity = similarity, .row = row});
  }
  void takeInto(FoundRows& found) {
    for (auto& nearest : nearest_) {
      for (const auto& [similarity, row] : nearest.take()) {
        found.rows.push_back(static_cast<uint32_t>(row));
        found.similarities.push_back(similarity);
      }
    }
  }

 private:
  std::deque<NearestRows> nearest_;
};

QueryGroup measured(const float* queries, int64_t count, int64_t dims) {
  QueryGroup group{.values = queries, .lengths = std::vector<float>(count)};
  measureLengths(queries, count, dims, group.lengths.data());
  return group;
}

}  // namespace

Searcher::Searcher(const SearcherSettings& settings)
    : metric_(metricNamed(checked(settings).metric)),
      machine_(machineFor(settings)),
      rows_(settings.count, settings.dims) {
  chooseFirstPass(settings.firstPass);
}

Searcher::Searcher(const SearcherSettings& settings, const FeatureRows::Place& place)
    : metric_(metricNamed(checked(settings).metric)),
      machine_(machineFor(settings)),
      rows_(fitting(place, settings)),
      filled_(settings.count) {
  chooseFirstPass(settings.firstPass);
}

void Searcher::chooseFirstPass(const std::string& firstPass) {
  const bool isAuto = firstPass == "auto";
  std::string reason;  // against codes
  if (firstPass == "none") {
    reason = "as the setting firstPass says";
  } else if (!RowCodes::isPossible()) {
    reason = useCpuKernels() ? "the processor has no AVX512-VNNI" : cpuKernelsUnavailable();
  } else if (rows_.dims() > RowCodes::kMostDims) {
    reason = "rows are longer than " + std::to_string(RowCodes::kMostDims) + " numbers";
  } else if (isAuto && rows_.count() < kFewRows) {
    reason = "there are few rows";
  }
  if (firstPass == "int8" && !reason.empty()) {
    throw Error("ERR_MOCO_DEVICE", "firstPass: int8 cannot be had: " + reason,
                "Choose auto or none.");
  }
  if (!isAuto && firstPass != "int8" && firstPass != "none") {
    throw Error("ERR_MOCO_CONFIG", "firstPass: " + firstPass + " is none",
                "Choose auto, none or int8.");
  }
  firstPassReason_ = reason.empty() ? (isAuto ? "it reads a quarter of the memory"
                                              : "as the setting firstPass says")
                                    : reason;
  if (reason.empty()) codes_.emplace(rows_.count(), rows_.dims(), metric_);
  requireMemory();
  lengths_.resize(rows_.count());
}

void Searcher::requireMemory() const {
  const int64_t available = availableMemory(at::kCPU);
  if (heldBytes() <= available) return;
  throw Error("ERR_MOCO_OUT_OF_MEMORY",
              "the index needs " + std::to_string(heldBytes() >> 20) + " MB of memory, and " +
                  std::to_string(available >> 20) + " MB are available",
              "Load the features from a file, where they stay, or choose firstPass none.");
}

int64_t Searcher::heldBytes() const {
  const int64_t codes = codes_ ? RowCodes::bytesFor(rows_.count(), rows_.dims()) : 0;
  const int64_t lengths = rows_.count() * static_cast<int64_t>(sizeof(float));
  return (rows_.isMapped() ? 0 : rows_.bytes()) + codes + lengths;
}

void Searcher::append(const std::vector<float>& values) {
  const int64_t count = std::ssize(values) / rows_.dims();
  if (rows_.isMapped() || filled_ + count > rows_.count()) {
    throw Error("ERR_MOCO_CONFIG", "there are more rows than were announced");
  }
  rows_.fill(filled_, values.data(), count);
  filled_ += count;
}

void Searcher::prepare(const StopRequested& stop) {
  if (filled_ != rows_.count()) throw Error("ERR_MOCO_CONFIG", "rows of the index are missing");
  rows_.requireChecksum(stop);
  const int64_t blocks = (rows_.count() + RowCodes::kBlockRows - 1) / RowCodes::kBlockRows;
  parallelFor(blocks, [&](int64_t begin, int64_t end) {
    std::vector<float> values(rows_.dims());
    for (int64_t block = begin; block < end; ++block) {
      if (stop()) throw Error("ERR_MOCO_ABORTED", "the index was stopped", "Start it again.");
      const int64_t last = std::min((block + 1) * RowCodes::kBlockRows, rows_.count());
      for (int64_t row = block * RowCodes::kBlockRows; row < last; ++row) prepareRow(row, values);
    }
  });
}

void Searcher::prepareRow(int64_t row, std::vector<float>& values) {
  rows_.read(row, values.data());
  measureLengths(values.data(), 1, rows_.dims(), &lengths_[row]);
  requireFiniteLength(lengths_[row], "row " + std::to_string(row));
  if (codes_) codes_->encode(row, values.data(), lengths_[row]);
}

FoundRows Searcher::search(const std::vector<float>& queries, int64_t k,
                           const StopRequested& stop) const {
  rows_.requireUnchanged();
  const int64_t dims = rows_.dims();
  const int64_t count = std::ssize(queries) / dims;
  FoundRows found{.k = std::min(k, rows_.count()), .rows = {}, .similarities = {}};
  if (found.k == 0) return found;
  const RowScan scan = this->scan();
  const int64_t most = std::clamp<int64_t>(kMostKept / found.k, 1, scan.queriesAtOnce());
  for (int64_t first = 0; first < count; first += most) {
    const int64_t atOnce = std::min(most, count - first);
    const QueryGroup group = measured(queries.data() + first * dims, atOnce, dims);
    for (int64_t i = 0; i < atOnce; ++i) {
      requireFiniteLength(group.lengths[i], "query " + std::to_string(first + i));
    }
    NearestOfGroup nearest(atOnce, found.k);
    scan.run(group, 0, nearest, stop);
    nearest.takeInto(found);
  }
  return found;
}

int64_t Searcher::comparePairs(int64_t first, SimilarPairs& pairs,
                               const StopRequested& stop) const {
  rows_.requireUnchanged();
  const RowScan scan = this->scan();
  const int64_t count = std::min(scan.queriesAtOnce(), rows_.count() - first);
  std::vector<float> values(count * rows_.dims());
  for (int64_t i = 0; i < count; ++i) rows_.read(first + i, values.data() + i * rows_.dims());
  const QueryGroup group{.values = values.data(),
                         .lengths = {lengths_.begin() + first, lengths_.begin() + first + count}};
  pairs.beginAt(first);
  scan.run(group, first, pairs, stop);
  return first + count;
}

std::vector<uint8_t> Searcher::bytesOf(int64_t first, int64_t count) const {
  rows_.requireUnchanged();
  const auto* const begin = static_cast<const uint8_t*>(rows_.row(first));
  return {begin, static_cast<const uint8_t*>(rows_.row(first + count))};
}

}  // namespace moco
