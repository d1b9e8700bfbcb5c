#include "addon/tensor_conversion.h"

#include <string>
#include <utility>

#include "addon/pool_task.h"
#include "addon/properties.h"
#include "addon/tensor_source.h"
#include "core/base/thread_team.h"
#include "core/files/pth_writer.h"
#include "core/files/safetensors_writer.h"

namespace moco::addon {
namespace {

struct Target {
  std::string path;
  std::string format;  // `pth` or `safetensors`
  std::string description;
  bool replaces = false;  // whether a file that is there is replaced
};

void convert(const TensorSource& source, const Target& target) {
  startThreadTeam();
  const StateDict state = readTensors(source);
  AtomicFile file(target.path);
  if (target.format == "pth") {
    writePth(file, state, target.description);
  } else {
    FileMetadata metadata{{"format", "moco-model"}};
    if (!target.description.empty()) metadata.emplace_back(kDescriptionRecord, target.description);
    writeSafetensors(file, state, metadata);
  }
  if (target.replaces) {
    file.commit();
  } else {
    file.commitNew();
  }
}

}  // namespace

Napi::Value convertTensors(const Napi::CallbackInfo& info) {
  const auto object = info[1].As<Napi::Object>();
  const Target target{string(object, "path"), string(object, "format"),
                      string(object, "description"), boolean(object, "replaces")};
  const auto work = [source = tensorSource(info[0].As<Napi::Object>()), target]() -> ToValue {
    convert(source, target);
    return undefined;
  };
  return runOnPool(info.Env(), work);
}

}  // namespace moco::addon
