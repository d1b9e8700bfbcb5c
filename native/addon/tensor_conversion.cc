#include "addon/tensor_conversion.h"

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "addon/errors.h"
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

class Conversion final : public Napi::AsyncWorker {
 public:
  Conversion(Napi::Env env, TensorSource source, Target target)
      : Napi::AsyncWorker(env),
        source_(std::move(source)),
        target_(std::move(target)),
        deferred_(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    try {
      convert(source_, target_);
    } catch (...) {
      failure_ = describe(std::current_exception());
    }
  }
  void OnOK() override {
    if (failure_) {
      deferred_.Reject(errorObject(Env(), *failure_).Value());
    } else {
      deferred_.Resolve(Env().Undefined());
    }
  }

 private:
  TensorSource source_;
  Target target_;
  std::optional<Failure> failure_;
  Napi::Promise::Deferred deferred_;
};

}  // namespace

Napi::Value convertTensors(const Napi::CallbackInfo& info) {
  const auto target = info[1].As<Napi::Object>();
  auto* conversion = new Conversion(info.Env(), tensorSource(info[0].As<Napi::Object>()),
                                    {string(target, "path"), string(target, "format"),
                                     string(target, "description"), boolean(target, "replaces")});
  const Napi::Promise promise = conversion->promise();
  conversion->Queue();  // deletes itself when it is through
  return promise;
}

}  // namespace moco::addon
