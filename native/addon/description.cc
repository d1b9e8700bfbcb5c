#include "addon/description.h"

namespace moco::addon {

Napi::Object descriptionObject(Napi::Env env, const Description& description) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("device", description.device);
  object.Set("deviceName", description.deviceName);
  object.Set("precision", description.precision);
  object.Set("precisionReason", description.precisionReason);
  object.Set("viewsDevice", description.viewsDevice);
  object.Set("viewsReason", description.viewsReason);
  object.Set("computeThreads", static_cast<double>(description.computeThreads));
  object.Set("dataThreads", static_cast<double>(description.dataThreads));
  object.Set("parameters", static_cast<double>(description.parameters));
  return object;
}

}  // namespace moco::addon
