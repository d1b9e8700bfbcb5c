#include "addon/jobs.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "addon/errors.h"
#include "addon/row_feed.h"

namespace moco::addon {
namespace {

/// The jobs of one of JavaScript's threads whose native threads run. When a thread calls `exit`,
/// its thread-local objects are destroyed before any static one, LibTorch's included, which native
/// threads would go on using. That is so however the process came to exit, and needs nothing of
/// JavaScript. When a worker's thread ends, its environment is gone already, and nothing is left.
struct RunningJobs {
  std::set<Jobs*> jobs;

  ~RunningJobs() {
    for (Jobs* running : jobs) running->stopThread();
  }
};

thread_local RunningJobs running;

}  // namespace

/// A job, its promise, and what must not be collected before it ends. It is made and deleted on
/// JavaScript's thread, because it holds references to JavaScript's values.
struct Jobs::Job final : Reporter {
  Job(Jobs& jobs, Napi::Promise::Deferred deferred) : jobs(jobs), deferred(deferred) {}

  Jobs& jobs;
  Napi::Promise::Deferred deferred;
  Part part;
  Napi::ObjectReference owner;
  Napi::Reference<Napi::Value> keepAlive;
  Napi::FunctionReference onRows;
  RowFeed feed;
  Outcome outcome;
  Napi::Error thrown;  // what `onRows` threw, if it did

  void row(std::initializer_list<double> numbers) override {
    if (!feed.push(numbers)) return;
    // The job still exists when JavaScript runs this: `settle` deletes it, and is queued later.
    jobs.callJavaScript([this](Napi::Env env) { deliverRows(env); });
  }

  /// Calls `onRows`. If that throws, the job is asked to end, and its promise will be rejected.
  void deliverRows(Napi::Env env) {
    const std::vector<double> rows = feed.take();
    if (rows.empty() || !thrown.IsEmpty()) return;
    Napi::Float64Array array = Napi::Float64Array::New(env, rows.size());
    std::copy(rows.begin(), rows.end(), array.Data());
    try {
      onRows.Call({array});
    } catch (const Napi::Error& error) {
      thrown = error;
      jobs.stop();
    }
  }
};

Napi::Value undefined(Napi::Env env) { return env.Undefined(); }

Jobs::Jobs(Napi::Env env, const Napi::Reference<Napi::Object>& owner,
           std::function<void()> freeState)
    : env_(env), owner_(owner), freeState_(std::move(freeState)) {
  try {
    thread_.emplace();
  } catch (const std::exception&) {
    throw errorObject(env, describe(std::current_exception()));
  }
  toJavaScript_ = Napi::ThreadSafeFunction::New(
      env, Napi::Function::New(env, [](const Napi::CallbackInfo&) {}), "moco",
      /*maxQueueSize=*/0, /*initialThreadCount=*/1);
  toJavaScript_.Unref(env);  // so that an idle object does not keep the process alive
  running.jobs.insert(this);
  // Hooks run in reverse order. This one is added after the thread-safe function's own, and so runs
  // while that function still exists.
  napi_add_env_cleanup_hook(env, &closeAtTeardown, this);
}

void Jobs::closeAtTeardown(void* self) { static_cast<Jobs*>(self)->close(); }

void Jobs::close() {
  // When an environment ends, the clean-up hook calls this first. The destructor calls it again
  // after the environment is gone, and must then return before it uses that.
  if (std::exchange(closed_, true)) return;
  running.jobs.erase(this);
  stopThread();
  Napi::MemoryManagement::AdjustExternalMemory(env_, -announced_);
  toJavaScript_.Release();
  napi_remove_env_cleanup_hook(env_, &closeAtTeardown, this);
}

void Jobs::stopThread() {
  stop_ = true;
  thread_->close();
  freeState_();
}

void Jobs::announceMemory(int64_t bytes) {
  announced_ = bytes;
  Napi::MemoryManagement::AdjustExternalMemory(env_, bytes);
}

Jobs::Job* Jobs::open(Napi::Promise::Deferred deferred) {
  if (disposed_ || closed_) {
    const Failure failure{"ERR_MOCO_DISPOSED", "this was disposed of", "Make a new one."};
    deferred.Reject(errorObject(env_, failure).Value());
    return nullptr;
  }
  auto job = std::make_unique<Job>(*this, deferred);
  job->owner = Napi::Persistent(owner_.Value());
  if (open_++ == 0) {
    stop_ = false;
    toJavaScript_.Ref(env_);
  }
  return job.release();  // which `settle` deletes
}

Napi::Value Jobs::submit(Work work, Napi::Value keepAlive, Napi::Function onRows) {
  return post([work = std::move(work)](Reporter& reporter) { return work(reporter); }, keepAlive,
              onRows);
}

Napi::Value Jobs::submitParts(Part part, Napi::Function onRows) {
  return post(std::move(part), {}, onRows);
}

Napi::Value Jobs::post(Part part, Napi::Value keepAlive, Napi::Function onRows) {
  const auto deferred = Napi::Promise::Deferred::New(env_);
  Job* const job = open(deferred);
  if (job == nullptr) return deferred.Promise();
  job->part = std::move(part);
  if (!keepAlive.IsEmpty()) job->keepAlive = Napi::Persistent(keepAlive);
  if (!onRows.IsEmpty()) job->onRows = Napi::Persistent(onRows);
  thread_->post([this, job] { run(job); });
  return deferred.Promise();
}

Napi::Value Jobs::submitOpen(const std::function<void(Settle)>& begin, std::function<void()> work) {
  const auto deferred = Napi::Promise::Deferred::New(env_);
  Job* const job = open(deferred);
  if (job == nullptr) return deferred.Promise();
  begin([this, job](Outcome outcome) { end(job, std::move(outcome)); });
  thread_->post(std::move(work));
  return deferred.Promise();
}

void Jobs::run(Job* job) {
  try {
    if (const auto value = job->part(*job)) return end(job, *value);
  } catch (...) {
    return end(job, describe(std::current_exception()));
  }
  thread_->post([this, job] { run(job); });
}

void Jobs::end(Job* job, Outcome outcome) {
  job->outcome = std::move(outcome);
  callJavaScript([this, job](Napi::Env env) { settle(env, job); });
}

void Jobs::callJavaScript(std::function<void(Napi::Env)> call) {
  toJavaScript_.BlockingCall(
      [call = std::move(call)](Napi::Env env, Napi::Function) { call(env); });
}

void Jobs::resolve(Napi::Env env, const Job& job) {
  std::optional<Napi::Error> failure;
  try {
    job.deferred.Resolve(std::get<ToValue>(job.outcome)(env));
  } catch (const Napi::Error& error) {
    failure = error;
  }
  if (failure) job.deferred.Reject(failure->Value());
}

void Jobs::settle(Napi::Env env, Job* job) {
  const std::unique_ptr<Job> owned(job);
  if (--open_ == 0) toJavaScript_.Unref(env);
  job->deliverRows(env);
  if (!job->thrown.IsEmpty()) {
    job->deferred.Reject(job->thrown.Value());
  } else if (const auto* failure = std::get_if<Failure>(&job->outcome)) {
    job->deferred.Reject(errorObject(env, *failure).Value());
  } else {
    resolve(env, *job);
  }
}

Napi::Value Jobs::dispose() {
  if (disposed_ || closed_) {
    const auto done = Napi::Promise::Deferred::New(env_);
    done.Resolve(env_.Undefined());
    return done.Promise();
  }
  // A job of several parts may come back behind the one that frees the state: it must know by then.
  stop_ = true;
  // The state is freed on the thread that made it. After that job the thread has nothing to do, so
  // that joining it does not block JavaScript.
  const Napi::Value promise = submit([this](Reporter&) -> ToValue {
    freeState_();
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
