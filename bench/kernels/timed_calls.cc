#include "timed_calls.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "../timing.h"
#include "core/device/device.h"

using namespace moco;

namespace {

constexpr double kTraffic = 256e6;  // bytes between two uses of the same memory
constexpr int64_t kMostSets = 64;
constexpr double kLeastSeconds = 20e-3;  // of a measurement on a GPU

double secondsOnDevice(const at::Device& device, const std::function<void()>& work) {
  if (device.is_cpu()) return secondsOf(work);
  const auto stream = c10::impl::VirtualGuardImpl(device.type()).getStream(device);
  // Events of this flag keep the time.
  c10::Event begin(device.type(), c10::EventFlag::BACKEND_DEFAULT);
  c10::Event end(device.type(), c10::EventFlag::BACKEND_DEFAULT);
  synchronise(device);
  begin.record(stream);
  work();
  end.record(stream);
  end.synchronize();
  return 1e-3 * begin.elapsedTime(end);
}

}  // namespace

int64_t rotatingSets(const at::Device& device, double bytes) {
  if (device.is_cpu()) return 1;  // the CPU's numbers only show that everything works
  return std::clamp(static_cast<int64_t>(std::ceil(kTraffic / bytes)), int64_t{2}, kMostSets);
}

TimedCalls::TimedCalls(const at::Device& device, int64_t sets, std::function<void(int64_t)> call)
    : device_(device), sets_(sets), call_(std::move(call)) {
  for (int run = 0; run < GraphedFunction::kPlainCalls; ++run) runOnce();
  if (const auto makeRecorder = graphRecorders(device)) {
    synchronise(device);
    auto recorder = makeRecorder();
    recorder->record([this] { runOnce(); });
    graph_ = std::move(recorder);
  }
  if (device.is_cpu()) return;
  secondsOfLaps(1);  // the first replay uploads the graph
  laps_ = static_cast<int64_t>(std::ceil(kLeastSeconds / secondsOfLaps(1)));
}

void TimedCalls::runOnce() {
  for (int64_t set = 0; set < sets_; ++set) call_(set);
}

double TimedCalls::secondsOfLaps(int64_t laps) {
  return secondsOnDevice(device_, [&] {
    for (int64_t lap = 0; lap < laps; ++lap) {
      if (graph_) {
        graph_->replay();
      } else {
        runOnce();
      }
    }
  });
}

double TimedCalls::seconds() {
  return secondsOfLaps(laps_) / static_cast<double>(laps_ * sets_);
}
