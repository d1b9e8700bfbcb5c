#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace moco::addon {

/// One thread that runs jobs in the order in which they were posted.
class JobThread {
 public:
  JobThread();
  JobThread(const JobThread&) = delete;
  JobThread& operator=(const JobThread&) = delete;
  ~JobThread() { close(); }

  /// Adds a job behind those that wait. It must not throw.
  void post(std::function<void()> job);
  /// Waits until the running job has ended, drops the jobs that still wait, and joins the thread.
  /// Can be called more than once.
  void close();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace moco::addon
