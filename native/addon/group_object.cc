#include "addon/group_object.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "addon/settings.h"
#include "core/distributed/rendezvous.h"

namespace moco::addon {

GroupObject::Properties GroupObject::methods() {
  return {InstanceMethod<&GroupObject::join>("join"),
          InstanceMethod<&GroupObject::exchange>("exchange"),
          InstanceMethod<&GroupObject::leave>("leave")};
}

Napi::Value GroupObject::create(const Napi::CallbackInfo& info) {
  const auto settings = settingsOf<RendezvousSettings>(info[0].As<Napi::Object>());
  return createWith(info.Env(),
                    [settings](std::optional<RendezvousSettings>& made) { made = settings; });
}

Napi::Value GroupObject::join(const Napi::CallbackInfo&) {
  return submit([this](Reporter&) -> ToValue {
    shared().set(std::make_shared<Group>(meet(core(), stopRequested()), core(), at::kCPU));
    return undefined;
  });
}

std::shared_ptr<Group> GroupObject::of(const Napi::Value& object) {
  return Unwrap(object.As<Napi::Object>())->shared().get();
}

Napi::Value GroupObject::exchange(const Napi::CallbackInfo& info) {
  return submit([this, own = info[0].As<Napi::String>().Utf8Value()](Reporter&) -> ToValue {
    return [all = shared().get()->exchange(own, stopRequested())](Napi::Env env) -> Napi::Value {
      Napi::Array array = Napi::Array::New(env);
      for (const auto& said : all) array.Set(array.Length(), said);
      return array;
    };
  });
}

Napi::Value GroupObject::leave(const Napi::CallbackInfo& info) {
  return submit([this, reason = info[0].As<Napi::String>().Utf8Value()](Reporter&) -> ToValue {
    shared().get()->leave(reason);
    return undefined;
  });
}

}  // namespace moco::addon
