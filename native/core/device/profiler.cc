#include "core/device/profiler.h"

#include <ATen/record_function.h>

#include <chrono>
#include <map>
#include <mutex>
#include <utility>

#include "core/device/device.h"

namespace moco {
namespace {

using Clock = std::chrono::steady_clock;

/// An operator or phase that is running now.
struct Frame final : at::ObserverContext {
  Frame* caller = nullptr;
  std::string phase;
  Clock::time_point start;
  Clock::duration called{0};  // spent in the operators that it calls
};

}  // namespace

/// The stack of frames, and the times of those that have ended. One stack is enough: while a thread
/// of PyTorch's runs a backward pass, the thread that asked for it waits.
class Profiler::Records {
 public:
  explicit Records(const at::Device& device) : device_(device), alone_(turn()) { current() = this; }
  Records(const Records&) = delete;
  Records& operator=(const Records&) = delete;
  ~Records() { current() = nullptr; }

  static std::unique_ptr<at::ObserverContext> start(const at::RecordFunction& function) {
    return current()->push(function);
  }
  static void end(const at::RecordFunction& function, at::ObserverContext* context) {
    current()->pop(function, static_cast<Frame&>(*context));
  }

  std::vector<OperatorTime> times;

 private:
  /// What is being measured now. PyTorch's callbacks are plain functions and find it here.
  static Records*& current() {
    static Records* records = nullptr;
    return records;
  }
  static std::mutex& turn() {
    static std::mutex mutex;
    return mutex;
  }

  std::unique_ptr<Frame> push(const at::RecordFunction& function) {
    auto frame = std::make_unique<Frame>();
    frame->caller = std::exchange(innermost_, frame.get());
    if (function.scope() == at::RecordScope::USER_SCOPE) {
      frame->phase = function.name();
    } else if (frame->caller != nullptr) {
      frame->phase = frame->caller->phase;
    }
    synchronise(device_);
    frame->start = Clock::now();
    return frame;
  }

  void pop(const at::RecordFunction& function, const Frame& frame) {
    synchronise(device_);
    const auto elapsed = Clock::now() - frame.start;
    innermost_ = frame.caller;
    if (innermost_ != nullptr) innermost_->called += elapsed;
    OperatorTime& time = timeOf(frame.phase, function.name());
    ++time.calls;
    time.seconds += std::chrono::duration<double>(elapsed - frame.called).count();
  }

  OperatorTime& timeOf(const std::string& phase, const std::string& name) {
    const auto [found, isNew] = places_.try_emplace({phase, name}, times.size());
    if (isNew) times.push_back({.phase = phase, .name = name});
    return times[found->second];
  }

  const at::Device device_;
  const std::lock_guard<std::mutex> alone_;
  Frame* innermost_ = nullptr;
  std::map<std::pair<std::string, std::string>, size_t> places_;
};

Profiler::Profiler(const at::Device& device, Detail detail)
    : records_(std::make_unique<Records>(device)) {
  at::RecordFunctionCallback callback(&Records::start, &Records::end);
  if (detail == Detail::kPhases) {
    callback.scopes({at::RecordScope::USER_SCOPE});
  } else {
    callback.scopes({at::RecordScope::USER_SCOPE, at::RecordScope::FUNCTION});
  }
  callback_ = at::addThreadLocalCallback(callback);
}

Profiler::~Profiler() { at::removeCallback(callback_); }

const std::vector<OperatorTime>& Profiler::times() const { return records_->times; }

}  // namespace moco
