// A library that puts variables into the process's environment as Node loads it. It must be loaded
// before LibTorch, whose OpenMP reads its variables once, when it is loaded itself, and must not be
// linked with it. `process.env` would not do: in a worker thread it is a copy, which no library
// sees.

#include <node_api.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

namespace {

/// Guards against workers that load this at the same time.
std::mutex mutex;

/// Lets OpenMP's threads wait for each other by sleeping soon. By default GNU's spin for
/// milliseconds, which costs nothing on an idle machine and much beside other busy processes
/// (docs/benchmarks.md, "Beside other busy processes").
constexpr const char* kSpinCount = "GOMP_SPINCOUNT=2000";

/// cuBLAS adds up in the same order in every run only with a workspace of fixed size.
constexpr const char* kWorkspace = "CUBLAS_WORKSPACE_CONFIG=:4096:8";

bool isSet(const std::string& name) { return std::getenv(name.c_str()) != nullptr; }

std::vector<const char*> missingVariables() {
  std::vector<const char*> missing;
  if (!isSet("OMP_WAIT_POLICY") && !isSet("GOMP_SPINCOUNT")) missing.push_back(kSpinCount);
  if (!isSet("CUBLAS_WORKSPACE_CONFIG")) missing.push_back(kWorkspace);
  return missing;
}

/// Adds to the environment, of which other threads may read meanwhile. `setenv` may free the array
/// in which they do. Here they keep the old one: neither arrays nor variables are ever freed.
void add(const std::vector<const char*>& variables) {
  size_t count = 0;
  while (environ[count] != nullptr) ++count;
  char** const extended = new char*[count + variables.size() + 1];
  std::memcpy(extended, environ, count * sizeof *environ);
  for (const char* variable : variables) extended[count++] = strdup(variable);
  extended[count] = nullptr;
  __atomic_store_n(&environ, extended, __ATOMIC_RELEASE);
}

}  // namespace

NAPI_MODULE_INIT(/* napi_env env, napi_value exports */) {
  static_cast<void>(env);
  const std::lock_guard<std::mutex> guard(mutex);
  const auto missing = missingVariables();
  if (!missing.empty()) add(missing);
  return exports;
}
