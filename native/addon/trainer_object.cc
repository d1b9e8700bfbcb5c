#include "addon/trainer_object.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "addon/errors.h"
#include "addon/step_feed.h"

namespace moco::addon {

/// A posted job, its promise, and what must not be collected before it ends. Made and deleted on
/// JavaScript's thread, where its references belong.
struct TrainerObject::Job {
  Job(Napi::Env env, Work work)
      : work(std::move(work)), deferred(Napi::Promise::Deferred::New(env)) {}

  Work work;
  Napi::Promise::Deferred deferred;
  Napi::ObjectReference self;
  Napi::Reference<Napi::Value> keepAlive;
  Napi::FunctionReference onSteps;
  StepFeed feed;
  ToValue toValue;
  std::optional<Failure> failure;

  void deliverSteps(Napi::Env env) {
    const std::vector<double> rows = feed.take();
    if (rows.empty()) return;
    Napi::Float64Array array = Napi::Float64Array::New(env, rows.size());
    std::copy(rows.begin(), rows.end(), array.Data());
    onSteps.Call({array});
  }
};

namespace {

Napi::Value undefined(Napi::Env env) { return env.Undefined(); }

}  // namespace

Napi::Function TrainerObject::define(Napi::Env env) {
  return DefineClass(env, "NativeTrainer",
                     {InstanceAccessor<&TrainerObject::getDescription>("description"),
                      InstanceMethod<&TrainerObject::trainEpoch>("trainEpoch"),
                      InstanceMethod<&TrainerObject::evaluate>("evaluate"),
                      InstanceMethod<&TrainerObject::saveModel>("saveModel"),
                      InstanceMethod<&TrainerObject::stop>("stop"),
                      InstanceMethod<&TrainerObject::dispose>("dispose")});
}

Napi::Value TrainerObject::create(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto options = info[0].As<Napi::Object>();
  TrainerRequest request = trainerRequest(options);
  const auto object = env.GetInstanceData<Environment>()->trainerClass.New({});
  auto* self = Unwrap(object);
  const auto make = [self, request = std::move(request)](Job& job) -> ToValue {
    self->trainer_.emplace(withStores(request));
    self->description_ = describe(*self->trainer_);
    return [&job](Napi::Env) -> Napi::Value { return job.self.Value(); };
  };
  return self->submit(env, make, bytesOf(options));
}

TrainerObject::TrainerObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<TrainerObject>(info),
      environment_(*info.Env().GetInstanceData<Environment>()),
      toJavaScript_(Napi::ThreadSafeFunction::New(
          info.Env(), Napi::Function::New(info.Env(), [](const Napi::CallbackInfo&) {}), "moco",
          /*maxQueueSize=*/0, /*initialThreadCount=*/1)) {
  toJavaScript_.Unref(info.Env());  // an idle trainer does not keep the process alive
  environment_.trainers.insert(this);
  // Registered after the thread-safe function, so that it runs before that one is taken away.
  napi_add_env_cleanup_hook(info.Env(), &closeAtTeardown, this);
}

TrainerObject::~TrainerObject() { close(); }

void TrainerObject::closeAtTeardown(void* self) { static_cast<TrainerObject*>(self)->close(); }

void TrainerObject::close() {
  // Also the guard against an environment that is gone: at its end the clean-up hook comes first,
  // the destructor after `environment_`'s.
  if (std::exchange(closed_, true)) return;
  environment_.trainers.erase(this);
  stop_ = true;
  thread_.close();
  trainer_.reset();
  toJavaScript_.Release();
  napi_remove_env_cleanup_hook(Env(), &closeAtTeardown, this);
}

Napi::Value TrainerObject::submit(Napi::Env env, Work work, Napi::Value keepAlive,
                                  Napi::Function onSteps) {
  auto* job = new Job(env, std::move(work));
  const Napi::Promise promise = job->deferred.Promise();
  if (disposed_ || closed_) {
    const Failure failure{"ERR_MOCO_DISPOSED", "the trainer was disposed", "Make a new one."};
    job->deferred.Reject(errorObject(env, failure).Value());
    delete job;
    return promise;
  }
  job->self = Napi::Persistent(Value());
  if (!keepAlive.IsEmpty()) job->keepAlive = Napi::Persistent(keepAlive);
  if (!onSteps.IsEmpty()) job->onSteps = Napi::Persistent(onSteps);
  if (open_++ == 0) {
    stop_ = false;
    toJavaScript_.Ref(env);
  }
  thread_.post([this, job] { run(job); });
  return promise;
}

void TrainerObject::run(Job* job) {
  try {
    job->toValue = job->work(*job);
  } catch (...) {
    job->failure = describe(std::current_exception());
  }
  toJavaScript_.BlockingCall([this, job](Napi::Env env, Napi::Function) { settle(env, job); });
}

void TrainerObject::settle(Napi::Env env, Job* job) {
  const std::unique_ptr<Job> owned(job);
  if (--open_ == 0) toJavaScript_.Unref(env);
  try {
    job->deliverSteps(env);
    if (job->failure) {
      job->deferred.Reject(errorObject(env, *job->failure).Value());
    } else {
      job->deferred.Resolve(job->toValue(env));
    }
  } catch (const Napi::Error& error) {
    job->deferred.Reject(error.Value());  // what `onSteps` threw
  }
}

void TrainerObject::reportStep(Job& job, const StepMetrics& metrics) {
  if (!job.feed.push(metrics)) return;
  // `job` is deleted by settle, which is called after this on the same queue.
  toJavaScript_.BlockingCall([&job](Napi::Env env, Napi::Function) { job.deliverSteps(env); });
}

Napi::Value TrainerObject::getDescription(const Napi::CallbackInfo& info) {
  if (!description_) return info.Env().Undefined();
  return descriptionObject(info.Env(), *description_);
}

Napi::Value TrainerObject::trainEpoch(const Napi::CallbackInfo& info) {
  const int64_t epoch = info[0].As<Napi::Number>().Int64Value();
  const auto work = [this, epoch](Job& job) -> ToValue {
    const auto report = [&](const StepMetrics& metrics) { reportStep(job, metrics); };
    trainer_->trainEpoch(epoch, report, stop_);
    return undefined;
  };
  return submit(info.Env(), work, {}, info[1].As<Napi::Function>());
}

Napi::Value TrainerObject::evaluate(const Napi::CallbackInfo& info) {
  return submit(info.Env(), [this](Job&) -> ToValue {
    const Accuracy accuracy = trainer_->evaluate(stop_);
    return [accuracy](Napi::Env env) -> Napi::Value {
      Napi::Object result = Napi::Object::New(env);
      result.Set("top1", accuracy.top1);
      result.Set("top5", accuracy.top5);
      return result;
    };
  });
}

Napi::Value TrainerObject::saveModel(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  return submit(info.Env(), [this, path](Job&) -> ToValue {
    trainer_->saveModel(path);
    return undefined;
  });
}

void TrainerObject::stop(const Napi::CallbackInfo&) { stop_ = true; }

Napi::Value TrainerObject::dispose(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (disposed_ || closed_) {
    const auto done = Napi::Promise::Deferred::New(env);
    done.Resolve(env.Undefined());
    return done.Promise();
  }
  // The tensors go on their own thread; once that job is through, joining does not block.
  const Napi::Value promise = submit(env, [this](Job&) -> ToValue {
    trainer_.reset();
    return [this](Napi::Env closing) -> Napi::Value {
      close();
      return closing.Undefined();
    };
  });
  disposed_ = true;
  stop_ = true;
  return promise;
}

}  // namespace moco::addon
