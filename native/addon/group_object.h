#pragma once

#include <napi.h>

#include <memory>
#include <mutex>

#include "addon/worker_object.h"
#include "core/distributed/group.h"

namespace moco::addon {

/// The group of a run's processes, once they have met, for its own thread and for JavaScript's.
class SharedGroup {
 public:
  void set(std::shared_ptr<Group> group) {
    const std::lock_guard lock(mutex_);
    group_ = std::move(group);
  }
  std::shared_ptr<Group> get() const {
    const std::lock_guard lock(mutex_);
    return group_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<Group> group_;
};

/// `NativeGroup` of src/native/group.ts.
class GroupObject : public WorkerObject<GroupObject, RendezvousSettings, SharedGroup> {
 public:
  static constexpr const char* kName = "NativeGroup";
  static Properties methods();

  /// `createGroup(rendezvous)` of src/native/addon.ts.
  static Napi::Value create(const Napi::CallbackInfo& info);

  /// The group of such an object, which may outlive the object; null before it was joined.
  static std::shared_ptr<Group> of(const Napi::Value& object);

  using WorkerObject::WorkerObject;

 private:
  Napi::Value join(const Napi::CallbackInfo& info);
  Napi::Value exchange(const Napi::CallbackInfo& info);
  Napi::Value leave(const Napi::CallbackInfo& info);
};

}  // namespace moco::addon
