#include "memory_traffic.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "block.h"

namespace cuda_on_cpu {
namespace {

constexpr size_t kSectorBytes = 32;
constexpr size_t kBanks = 32;
constexpr size_t kWordBytes = 4;

/// The regions, and what has been counted of them; null while nothing is counted.
const std::vector<Region>* watched = nullptr;
Counts* counts = nullptr;

uintptr_t addressOf(const void* place) { return reinterpret_cast<uintptr_t>(place); }

size_t regionOf(const Note& note) {
  for (size_t i = 0; i < watched->size(); ++i) {
    const auto& region = (*watched)[i];
    const uintptr_t begin = addressOf(region.begin);
    if (note.address >= begin && note.address + note.bytes <= begin + region.bytes) return i;
  }
  std::ostringstream text;
  text << "a kernel reaches " << note.bytes << " bytes of memory outside of all regions";
  throw std::logic_error(text.str());
}

/// What the threads of a warp do at once.
using WarpAccess = std::vector<const Note*>;

void countGlobal(const WarpAccess& access) {
  std::map<size_t, std::set<uintptr_t>> sectors;  // by region
  for (const Note* note : access) {
    const size_t region = regionOf(*note);
    auto& traffic = counts->regions[region];
    (note->access == Access::kRead ? traffic.bytesRead : traffic.bytesWritten) +=
        static_cast<int64_t>(note->bytes);
    const uintptr_t last = (note->address + note->bytes - 1) / kSectorBytes;
    for (uintptr_t sector = note->address / kSectorBytes; sector <= last; ++sector) {
      sectors[region].insert(sector);
    }
  }
  const bool reads = access.front()->access == Access::kRead;
  for (const auto& [region, touched] : sectors) {
    auto& traffic = counts->regions[region];
    (reads ? traffic.sectorsRead : traffic.sectorsWritten) += static_cast<int64_t>(touched.size());
  }
}

/// Threads that read the same word do so at once.
void countShared(const WarpAccess& access) {
  std::array<std::set<uintptr_t>, kBanks> words;
  for (const Note* note : access) {
    const uintptr_t word = note->address / kWordBytes;
    words[word % kBanks].insert(word);
  }
  size_t most = 0;
  for (const auto& bank : words) most = std::max(most, bank.size());
  ++counts->sharedAccesses;
  counts->bankConflicts += static_cast<int64_t>(most) - 1;
}

/// The accesses of a warp, by their place in the code and by how often each thread was there
/// before.
using WarpAccesses = std::map<std::pair<const void*, int>, WarpAccess>;

template <class Iterator>
WarpAccesses accessesOf(Iterator firstThread, Iterator lastThread) {
  WarpAccesses accesses;
  for (auto thread = firstThread; thread != lastThread; ++thread) {
    std::map<const void*, int> times;
    for (const Note& note : thread->notes) {
      accesses[{note.site, times[note.site]++}].push_back(&note);
    }
  }
  return accesses;
}

void countSteps(const Fiber& thread) {
  std::map<size_t, uintptr_t> last;  // by region
  for (const Note& note : thread.notes) {
    if (note.isShared) continue;
    const size_t region = regionOf(note);
    auto& traffic = counts->regions[region];
    const auto before = last.find(region);
    if (before != last.end()) {
      traffic.stepsUp += note.address > before->second ? 1 : 0;
      traffic.stepsDown += note.address < before->second ? 1 : 0;
    }
    last[region] = note.address;
  }
}

void note(bool isShared, Access access, const void* address, size_t bytes, const void* site) {
  if (counts == nullptr) return;
  running->current->notes.push_back({site, isShared, access, addressOf(address), bytes});
}

/// What is wrong with an access of the running thread to a word of shared memory; empty if nothing.
std::string faultOf(const Word& word, Access access) {
  const Fiber* const thread = running->current;
  if (access == Access::kRead && !word.writer) return "reads shared memory that nobody has written";
  const bool meetsWriter =
      word.writer && word.writer != thread && word.written == running->barriers;
  const bool meetsReader = access == Access::kWrite && word.reader &&
                           word.read == running->barriers &&
                           (word.hasMoreReaders || word.reader != thread);
  if (!meetsWriter && !meetsReader) return "";
  return "touches shared memory that another thread touches without a barrier in between";
}

/// Takes note of an access that was found right.
void update(Word& word, Access access) {
  const Fiber* const thread = running->current;
  if (access == Access::kWrite) {
    word.writer = thread;
    word.written = running->barriers;
    return;
  }
  const bool hasReader = word.reader && word.read == running->barriers;
  word.hasMoreReaders = hasReader && (word.hasMoreReaders || word.reader != thread);
  word.reader = thread;
  word.read = running->barriers;
}

}  // namespace

Counts count(const std::vector<Region>& regions, const std::function<void()>& work) {
  Counts result;
  result.regions.resize(regions.size());
  watched = &regions;
  counts = &result;
  try {
    work();
  } catch (...) {
    counts = nullptr;
    throw;
  }
  counts = nullptr;
  return result;
}

void countBlock(const Block& block) {
  if (counts == nullptr) return;
  const auto& threads = block.fibers;
  for (const Fiber& thread : threads) countSteps(thread);
  for (size_t warp = 0; warp < threads.size(); warp += warpSize) {
    const auto first = threads.begin() + static_cast<std::ptrdiff_t>(warp);
    const auto length = std::min<std::ptrdiff_t>(warpSize, threads.end() - first);
    for (const auto& [key, access] : accessesOf(first, first + length)) {
      access.front()->isShared ? countShared(access) : countGlobal(access);
    }
  }
}

[[gnu::noinline]] void noteGlobal(Access access, const void* address, size_t bytes) {
  note(/*isShared=*/false, access, address, bytes, __builtin_return_address(0));
}

[[gnu::noinline]] void noteShared(Access access, const void* address, size_t bytes) {
  note(/*isShared=*/true, access, address, bytes, __builtin_return_address(0));
  std::string& failure = running->failure;
  if (bytes != kWordBytes) failure = "reaches shared memory not word by word";
  Word& word = running->words[addressOf(address)];
  if (failure.empty()) failure = faultOf(word, access);
  update(word, access);
}

}  // namespace cuda_on_cpu
