#include "support/operator_trace.h"

#include <memory>

namespace moco {
namespace {

/// The calls that are listed now, and the operators that are running. PyTorch's callbacks are plain
/// functions and find them here.
struct Listing {
  std::vector<OperatorCall>* calls = nullptr;
  std::vector<std::string> running;
};

thread_local Listing listing;

std::unique_ptr<at::ObserverContext> start(const at::RecordFunction& function) {
  const auto inputs = function.inputs();
  listing.calls->push_back({.name = function.name(),
                            .callers = listing.running,
                            .inputs = std::vector<c10::IValue>(inputs.begin(), inputs.end())});
  listing.running.emplace_back(function.name());
  return nullptr;
}

void end(const at::RecordFunction&, at::ObserverContext*) { listing.running.pop_back(); }

}  // namespace

OperatorTrace::OperatorTrace(std::vector<OperatorCall>& calls) {
  listing.calls = &calls;
  callback_ = at::addThreadLocalCallback(at::RecordFunctionCallback(&start, &end)
                                             .needsInputs(true)
                                             .scopes({at::RecordScope::FUNCTION}));
}

OperatorTrace::~OperatorTrace() {
  at::removeCallback(callback_);
  listing = {};
}

}  // namespace moco
