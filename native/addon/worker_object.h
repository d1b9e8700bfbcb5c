#pragma once

#include <napi.h>

#include <atomic>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "addon/description.h"
#include "addon/jobs.h"

namespace moco::addon {

/// What an object that shares nothing has.
struct NothingShared {};

/// A JavaScript object around a core object (a Trainer, an Evaluator or a Benchmark) that is made,
/// works and is destroyed on a thread of its own. In JavaScript it has the properties
/// `description`, `stop` and `dispose`, and those that the derived class adds.
///
/// The derived class must not have data members: they would be destroyed before the members here,
/// and so before the thread, which may still use them, is joined.
///
/// @tparam Self  the derived class. Its `kName` is the class's name in JavaScript; its `methods()`
///               lists the properties that it adds.
/// @tparam Core  the core object's class, for which there must be overloads of `descriptionOf` and
///               `heldBytes`
/// @tparam Shared  what JavaScript's thread and the core object's share; it has functions that any
///                 thread may call
template <class Self, class Core, class Shared = NothingShared>
class WorkerObject : public Napi::ObjectWrap<Self> {
 public:
  /// Defines the class in an environment, which must be done before the first object is made.
  static void define(Napi::Env env) {
    auto properties = Self::methods();
    properties.push_back(
        Self::InstanceAccessor("description", &WorkerObject::getDescription, nullptr));
    properties.push_back(Self::InstanceMethod("stop", &WorkerObject::stop));
    properties.push_back(Self::InstanceMethod("dispose", &WorkerObject::dispose));
    env.GetInstanceData<Environment>()->classes[Self::kName] =
        Napi::Persistent(Self::DefineClass(env, Self::kName, properties));
  }

  explicit WorkerObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<Self>(info), jobs_(info.Env(), *this, [this] { core_.reset(); }) {
    static_assert(sizeof(Self) == sizeof(WorkerObject), "the derived class must not have data");
  }

 protected:
  using Properties = std::vector<Napi::ClassPropertyDescriptor<Self>>;
  /// Makes the core object in place.
  using Make = std::function<void(std::optional<Core>&)>;

  /// Makes an object.
  /// @param make       runs on the object's thread
  /// @param keepAlive  a value that is not collected before `make` has ended
  /// @return           a promise of the object
  static Napi::Value createWith(Napi::Env env, Make make, Napi::Value keepAlive = {}) {
    try {
      const auto object = env.GetInstanceData<Environment>()->classes.at(Self::kName).New({});
      return Self::Unwrap(object)->submitMake(std::move(make), keepAlive);
    } catch (const Napi::Error& error) {
      const auto failed = Napi::Promise::Deferred::New(env);
      failed.Reject(error.Value());
      return failed.Promise();
    }
  }

  /// The core object. Only jobs may use it.
  Core& core() { return core_.value(); }
  const std::atomic<bool>& stopRequested() const { return jobs_.stopRequested(); }
  Shared& shared() { return shared_; }

  /// What the core object said of itself when it was made.
  const auto& description() const { return description_.value(); }

  /// Runs a job: see `Jobs::submit`.
  Napi::Value submit(Jobs::Work work, Napi::Function onRows = {}) {
    return jobs_.submit(std::move(work), {}, onRows);
  }

  /// Runs a job of several parts: see `Jobs::submitParts`.
  Napi::Value submitParts(Jobs::Part part, Napi::Function onRows) {
    return jobs_.submitParts(std::move(part), onRows);
  }

  /// Runs a job whose promise is settled apart from it: see `Jobs::submitOpen`.
  Napi::Value submitOpen(const std::function<void(Jobs::Settle)>& begin,
                         std::function<void()> work) {
    return jobs_.submitOpen(begin, std::move(work));
  }

  /// Runs a job that takes the core object's warnings.
  /// @return  a promise of their array
  Napi::Value submitTakeWarnings() {
    return submit([this](Reporter&) -> ToValue {
      return [warnings = core().takeWarnings()](Napi::Env env) -> Napi::Value {
        Napi::Array array = Napi::Array::New(env);
        for (const auto& warning : warnings) array.Set(array.Length(), warning);
        return array;
      };
    });
  }

 private:
  Napi::Value submitMake(Make make, Napi::Value keepAlive) {
    const auto work = [this, make = std::move(make)](Reporter&) -> ToValue {
      make(core_);
      description_ = descriptionOf(*core_);
      return [this, bytes = heldBytes(*core_)](Napi::Env) -> Napi::Value {
        jobs_.announceMemory(bytes);
        return this->Value();
      };
    };
    return jobs_.submit(work, keepAlive);
  }
  Napi::Value getDescription(const Napi::CallbackInfo& info) {
    if (!description_) return info.Env().Undefined();
    return descriptionObject(info.Env(), *description_);
  }
  void stop(const Napi::CallbackInfo&) { jobs_.stop(); }
  Napi::Value dispose(const Napi::CallbackInfo&) { return jobs_.dispose(); }

  Shared shared_;
  std::optional<Core> core_;  // is used only on the thread, or after that was joined
  std::optional<decltype(descriptionOf(std::declval<Core&>()))> description_;
  // The last member, so that it is destroyed first: it joins the thread, which uses the others.
  Jobs jobs_;
};

}  // namespace moco::addon
