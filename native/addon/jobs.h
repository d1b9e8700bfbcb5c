#pragma once

#include <napi.h>

#include <atomic>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "addon/job_thread.h"
#include "core/base/failure.h"

namespace moco::addon {

class Jobs;

/// What one JavaScript environment (the main thread or a worker) holds.
struct Environment {
  std::map<std::string, Napi::FunctionReference> classes;  // by name
};

/// Through this a running job sends numbers to JavaScript.
class Reporter {
 public:
  /// Sends one row. It returns at once; `RowFeed` says when JavaScript gets the row.
  virtual void row(std::initializer_list<double> numbers) = 0;

 protected:
  ~Reporter() = default;
};

/// Makes the value that a promise resolves to. It runs on JavaScript's thread.
using ToValue = std::function<Napi::Value(Napi::Env)>;

/// The value of a job that has nothing to say.
Napi::Value undefined(Napi::Env env);

/// The native thread of one JavaScript object, and the jobs that run on it, one after the other.
/// For each job JavaScript gets a promise. This class is a member of the object's C++ side, and its
/// functions are called on JavaScript's thread.
///
/// The thread ends with the object, with its environment or with the process, whichever is first:
/// docs/architecture.md says how.
class Jobs {
 public:
  /// A job's work, which runs on the native thread. What it throws rejects the promise.
  using Work = std::function<ToValue(Reporter&)>;

  /// @param owner      the JavaScript object; it is not collected while a promise is open
  /// @param freeState  frees what the jobs work on. It is called after the last job, and may be
  ///                   called twice.
  /// @throws Napi::Error ERR_MOCO_LIMIT  if the system gives no thread
  Jobs(Napi::Env env, const Napi::Reference<Napi::Object>& owner, std::function<void()> freeState);
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;
  ~Jobs() { close(); }

  /// Runs a job after those that were submitted before it.
  /// @param keepAlive  a value that is not collected before the job has ended
  /// @param onRows     is called with a Float64Array of all rows since its last call. Every row
  ///                   arrives before the promise settles.
  /// @return           the promise
  Napi::Value submit(Work work, Napi::Value keepAlive = {}, Napi::Function onRows = {});

  /// A part of a job's work; nothing where more is left.
  using Part = std::function<std::optional<ToValue>(Reporter&)>;

  /// The same for a job of several parts. After each, the jobs that wait have their turn. A part
  /// may begin after the state was freed; `stopRequested` says so then.
  Napi::Value submitParts(Part part, Napi::Function onRows = {});

  /// What a promise comes to: a value, or the reason why there is none.
  using Outcome = std::variant<ToValue, Failure>;
  /// Settles a promise. It must be called once, on any thread, while the object's thread runs.
  using Settle = std::function<void(Outcome)>;

  /// Runs a job that need not settle its promise, and may settle those of others.
  /// @param begin  is called at once, unless the object was disposed of, with what settles the
  ///               promise
  /// @param work   is posted then, and must not throw
  /// @return       the promise
  Napi::Value submitOpen(const std::function<void(Settle)>& begin, std::function<void()> work);

  /// Asks the running job to end soon.
  void stop() { stop_ = true; }
  const std::atomic<bool>& stopRequested() const { return stop_; }

  /// Asks the running job to end soon, frees the state on the native thread and joins that thread.
  /// Can be called more than once.
  /// @return  a promise of undefined
  Napi::Value dispose();

  /// Tells V8, which collects objects by the memory that they hold, how many bytes outside its heap
  /// are held until the state is freed. Is called once at most.
  void announceMemory(int64_t bytes);

  /// Asks the running job to end soon, blocks until the thread is joined, and frees the state. The
  /// job's promise is never settled. Can be called more than once.
  void close();

  /// The same without a word to JavaScript, for a process that is exiting.
  void stopThread();

 private:
  struct Job;

  /// A job whose promise is open; null, and the promise rejected, where no more jobs are taken.
  Job* open(Napi::Promise::Deferred deferred);
  Napi::Value post(Part part, Napi::Value keepAlive, Napi::Function onRows);
  void run(Job* job);
  void end(Job* job, Outcome outcome);
  /// Queues a call for JavaScript's thread. What it throws is nobody's to catch: an uncaught
  /// exception, or in an environment that is ending nothing.
  void callJavaScript(std::function<void(Napi::Env)> call);
  void settle(Napi::Env env, Job* job);
  /// Resolves a job's promise, or rejects it where making its value fails.
  static void resolve(Napi::Env env, const Job& job);
  static void closeAtTeardown(void* self);

  Napi::Env env_;
  const Napi::Reference<Napi::Object>& owner_;
  std::function<void()> freeState_;
  Napi::ThreadSafeFunction toJavaScript_;
  std::atomic<bool> stop_{false};
  int open_ = 0;           // number of jobs whose promise is open
  int64_t announced_ = 0;  // bytes that V8 knows of
  bool disposed_ = false;  // takes no more jobs
  bool closed_ = false;    // has no thread any more
  std::optional<JobThread> thread_;
};

}  // namespace moco::addon
