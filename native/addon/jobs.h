#pragma once

#include <napi.h>

#include <atomic>
#include <functional>
#include <initializer_list>
#include <map>
#include <set>
#include <string>

#include "addon/job_thread.h"

namespace moco::addon {

class Jobs;

/// What one JavaScript environment (the main thread or a worker) holds.
struct Environment {
  std::map<std::string, Napi::FunctionReference> classes;  // by name
  std::set<Jobs*> running;                                 // those with a thread
};

/// What a job tells JavaScript while it runs.
class Reporter {
 public:
  virtual void row(std::initializer_list<double> numbers) = 0;

 protected:
  ~Reporter() = default;
};

/// Makes a promise's value, on JavaScript's thread.
using ToValue = std::function<Napi::Value(Napi::Env)>;

Napi::Value undefined(Napi::Env env);

/// What a JavaScript object lets run on a native thread of its own: every job gives a promise, and
/// jobs run one after the other. Lives in the object, on JavaScript's thread.
class Jobs {
 public:
  /// Runs on the native thread.
  using Work = std::function<ToValue(Reporter&)>;

  /// @param owner      the object, which an open promise keeps from collection
  /// @param freeState  frees what the jobs work on, when none can follow; may be called again
  Jobs(Napi::Env env, const Napi::Reference<Napi::Object>& owner, std::function<void()> freeState);
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;
  ~Jobs() { close(); }

  /// @param keepAlive  is not collected before the job ends
  /// @param onRows     gets all rows since its last call as a Float64Array; all arrive before the
  ///                   promise settles
  Napi::Value submit(Work work, Napi::Value keepAlive = {}, Napi::Function onRows = {});

  /// Asks the job in work to end soon.
  void stop() { stop_ = true; }
  const std::atomic<bool>& stopRequested() const { return stop_; }

  /// Stops, frees the state on its thread and joins. Can be called more than once.
  Napi::Value dispose();

  /// Ends the job in work soon and joins the thread, at once. The job's promise stays open: for an
  /// environment that is going away.
  void close();

 private:
  struct Job;

  void run(Job* job);
  void settle(Napi::Env env, Job* job);
  static void closeAtTeardown(void* self);

  Napi::Env env_;
  Environment& environment_;
  const Napi::Reference<Napi::Object>& owner_;
  std::function<void()> freeState_;
  Napi::ThreadSafeFunction toJavaScript_;
  std::atomic<bool> stop_{false};
  int open_ = 0;           // jobs whose promise is open
  bool disposed_ = false;  // takes no more jobs
  bool closed_ = false;    // its thread is gone
  JobThread thread_;
};

}  // namespace moco::addon
