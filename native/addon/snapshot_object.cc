#include "addon/snapshot_object.h"

#include <string>
#include <utility>

namespace moco::addon {

void SnapshotObject::define(Napi::Env env) {
  const auto constructor =
      DefineClass(env, kName,
                  {InstanceMethod<&SnapshotObject::saveModel>("saveModel"),
                   InstanceMethod<&SnapshotObject::saveCheckpoint>("saveCheckpoint"),
                   InstanceMethod<&SnapshotObject::dispose>("dispose")});
  env.GetInstanceData<Environment>()->classes[kName] = Napi::Persistent(constructor);
}

Napi::Value SnapshotObject::of(Napi::Env env, Snapshot snapshot) {
  const auto object = env.GetInstanceData<Environment>()->classes.at(kName).New({});
  Unwrap(object)->snapshot_ = std::move(snapshot);
  return object;
}

SnapshotObject::SnapshotObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<SnapshotObject>(info),
      jobs_(info.Env(), *this, [this] { snapshot_.reset(); }) {}

Napi::Value SnapshotObject::saveModel(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  const std::string description = info[1].As<Napi::String>();
  return jobs_.submit([this, path, description](Reporter&) -> ToValue {
    snapshot_.value().saveModel(path, description);
    return undefined;
  });
}

Napi::Value SnapshotObject::saveCheckpoint(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  const std::string previous = info[1].As<Napi::String>();
  const std::string run = info[2].As<Napi::String>();
  return jobs_.submit([this, path, previous, run](Reporter&) -> ToValue {
    snapshot_.value().saveCheckpoint(path, previous, run);
    return undefined;
  });
}

Napi::Value SnapshotObject::dispose(const Napi::CallbackInfo&) { return jobs_.dispose(); }

}  // namespace moco::addon
