#pragma once

#include <napi.h>

#include <functional>
#include <optional>

#include "addon/worker_object.h"
#include "core/search/searcher.h"

namespace moco::addon {

/// `NativeSearcher` of src/native/searcher.ts: a `Searcher` on a thread of its own.
class SearcherObject : public WorkerObject<SearcherObject, Searcher> {
 public:
  static constexpr const char* kName = "NativeSearcher";
  static Properties methods();

  /// `createSearcher(config, place)` of src/native/addon.ts.
  static Napi::Value create(const Napi::CallbackInfo& info);

  using WorkerObject::WorkerObject;

 private:
  /// A job that may be asked to stop alone, or a part of one: see `Jobs::Part`.
  using Cancellable = std::function<std::optional<ToValue>(Reporter&, const StopRequested&)>;
  /// Runs it.
  /// @return  a `NativeSearch` of src/native/searcher.ts
  Napi::Value submitCancellable(Napi::Env env, Cancellable work, Napi::Function onRows = {});

  Napi::Value append(const Napi::CallbackInfo& info);
  Napi::Value prepare(const Napi::CallbackInfo& info);
  Napi::Value search(const Napi::CallbackInfo& info);
  Napi::Value pairs(const Napi::CallbackInfo& info);
  Napi::Value bytesOf(const Napi::CallbackInfo& info);
};

}  // namespace moco::addon
