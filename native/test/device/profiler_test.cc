#include "core/device/profiler.h"

#include <ATen/record_function.h>
#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

using namespace moco;

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

const OperatorTime* find(const Profiler& profiler, const std::string& phase,
                         const std::string& name) {
  const auto& times = profiler.times();
  const auto found = std::find_if(times.begin(), times.end(), [&](const OperatorTime& time) {
    return time.phase == phase && time.name == name;
  });
  return found == times.end() ? nullptr : &*found;
}

/// @return the whole time, measured within the phase
double runForward() {
  RECORD_USER_SCOPE(phase::kForward);
  const auto start = Clock::now();
  const auto x = at::randn({64, 64});
  at::linear(x, x).relu();  // linear calls other operators
  return secondsSince(start);
}

}  // namespace

TEST_CASE("the operators' own times add up to the whole") {
  Profiler profiler(at::kCPU, Profiler::Detail::kOperators);
  const auto start = Clock::now();
  const double within = runForward();
  const double around = secondsSince(start);
  double sum = 0;
  for (const auto& time : profiler.times()) {
    CHECK(time.seconds >= 0);
    sum += time.seconds;
  }
  CHECK(within <= sum);
  CHECK(sum <= around);
}

TEST_CASE("operators are counted in the innermost phase") {
  Profiler profiler(at::kCPU, Profiler::Detail::kOperators);
  const auto x = at::ones({4, 4});
  {
    RECORD_USER_SCOPE(phase::kForward);
    at::mm(x, x);
    {
      RECORD_USER_SCOPE(phase::kUpdate);
      at::mm(x, x);
      at::mm(x, x);
    }
  }
  REQUIRE(find(profiler, phase::kForward, "aten::mm"));
  CHECK(find(profiler, phase::kForward, "aten::mm")->calls == 1);
  REQUIRE(find(profiler, phase::kUpdate, "aten::mm"));
  CHECK(find(profiler, phase::kUpdate, "aten::mm")->calls == 2);
  CHECK(find(profiler, phase::kUpdate, phase::kUpdate)->calls == 1);
  CHECK(find(profiler, "", "aten::ones"));  // outside of all phases
}

TEST_CASE("the operators of a backward pass belong to the phase that asks for it") {
  const auto x = at::ones({4, 4}).requires_grad_();
  const auto loss = at::mm(x, x).sum();
  Profiler profiler(at::kCPU, Profiler::Detail::kOperators);
  {
    RECORD_USER_SCOPE(phase::kBackward);
    torch::autograd::grad({loss}, {x});
  }
  REQUIRE(find(profiler, phase::kBackward, "aten::mm"));
  CHECK(find(profiler, phase::kBackward, "aten::mm")->calls == 2);
}

TEST_CASE("phases alone are measured whole") {
  Profiler profiler(at::kCPU, Profiler::Detail::kPhases);
  const auto start = Clock::now();
  const double within = runForward();
  const double around = secondsSince(start);
  REQUIRE(profiler.times().size() == 1);
  const OperatorTime& forward = profiler.times().front();
  CHECK(forward.phase == phase::kForward);
  CHECK(forward.name == phase::kForward);
  CHECK(within <= forward.seconds);
  CHECK(forward.seconds <= around);
}

TEST_CASE("what other threads run is not counted, nor what runs later") {
  std::optional<Profiler> profiler(std::in_place, at::kCPU, Profiler::Detail::kOperators);
  std::thread([] { at::ones({4}).add_(1); }).join();
  CHECK(profiler->times().empty());
  profiler.reset();
  CHECK_FALSE(at::hasThreadLocalCallbacks());
}
