#include "addon/pool_task.h"

#include <exception>
#include <optional>
#include <utility>

#include "addon/errors.h"

namespace moco::addon {
namespace {

class PoolTask final : public Napi::AsyncWorker {
 public:
  PoolTask(Napi::Env env, std::function<ToValue()> work, Napi::Value keepAlive)
      : Napi::AsyncWorker(env),
        work_(std::move(work)),
        deferred_(Napi::Promise::Deferred::New(env)) {
    if (!keepAlive.IsEmpty()) keepAlive_ = Napi::Persistent(keepAlive);
  }

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    try {
      toValue_ = work_();
    } catch (...) {
      failure_ = describe(std::current_exception());
    }
  }
  void OnOK() override {
    if (failure_) {
      deferred_.Reject(errorObject(Env(), *failure_).Value());
      return;
    }
    try {
      deferred_.Resolve(toValue_(Env()));
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    }
  }

 private:
  std::function<ToValue()> work_;
  Napi::Reference<Napi::Value> keepAlive_;
  ToValue toValue_;
  std::optional<Failure> failure_;
  Napi::Promise::Deferred deferred_;
};

}  // namespace

Napi::Promise runOnPool(Napi::Env env, std::function<ToValue()> work, Napi::Value keepAlive) {
  auto* task = new PoolTask(env, std::move(work), keepAlive);
  const Napi::Promise promise = task->promise();
  task->Queue();  // deletes itself when it is through
  return promise;
}

}  // namespace moco::addon
