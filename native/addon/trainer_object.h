#pragma once

#include <napi.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>

#include "addon/convert.h"
#include "addon/job_thread.h"
#include "core/trainer.h"

namespace moco::addon {

class TrainerObject;

/// What one JavaScript environment (the main thread or a worker) holds.
struct Environment {
  Napi::FunctionReference trainerClass;
  std::set<TrainerObject*> trainers;  // those with a running thread
};

/// `NativeTrainer` of src/native/addon.ts: a `Trainer` on a thread of its own. Every method that
/// touches it posts a job there and returns a promise; jobs run one after the other.
class TrainerObject : public Napi::ObjectWrap<TrainerObject> {
 public:
  static Napi::Function define(Napi::Env env);
  /// `createTrainer(options)`.
  static Napi::Value create(const Napi::CallbackInfo& info);

  explicit TrainerObject(const Napi::CallbackInfo& info);
  ~TrainerObject() override;

  /// Ends the job in work after its current step and joins the thread. The job's promise stays
  /// open: for an environment that is going away.
  void close();

 private:
  struct Job;
  /// Runs on the trainer's thread; what it returns makes the promise's value on JavaScript's.
  using ToValue = std::function<Napi::Value(Napi::Env)>;
  using Work = std::function<ToValue(Job&)>;

  Napi::Value getDescription(const Napi::CallbackInfo& info);
  Napi::Value trainEpoch(const Napi::CallbackInfo& info);
  Napi::Value evaluate(const Napi::CallbackInfo& info);
  Napi::Value saveModel(const Napi::CallbackInfo& info);
  void stop(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  Napi::Value submit(Napi::Env env, Work work, Napi::Value keepAlive = {},
                     Napi::Function onSteps = {});
  void run(Job* job);
  void settle(Napi::Env env, Job* job);
  void reportStep(Job& job, const StepMetrics& metrics);
  static void closeAtTeardown(void* self);

  Environment& environment_;
  std::optional<Trainer> trainer_;  // touched on its thread, or after that one was joined
  std::optional<TrainerDescription> description_;
  Napi::ThreadSafeFunction toJavaScript_;
  std::atomic<bool> stop_{false};
  int open_ = 0;           // jobs whose promise is open
  bool disposed_ = false;  // takes no more jobs
  bool closed_ = false;    // its thread is gone
  JobThread thread_;
};

}  // namespace moco::addon
