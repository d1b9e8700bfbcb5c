// A library that Node loads before the addon, and that is not linked with LibTorch. It does what
// must be done before LibTorch is there: put variables into the process's environment, and open
// LibTorch from the folder where it lies on this machine, so that the addon need not know.

#include <dlfcn.h>
#include <napi.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

namespace {

#ifdef __linux__

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

/// LibTorch's OpenMP reads its variables once, when it is loaded. `process.env` would not do: in a
/// worker thread it is a copy, which no library sees.
void setEnvironment() {
  const std::lock_guard<std::mutex> guard(mutex);
  const auto missing = missingVariables();
  if (!missing.empty()) add(missing);
}

#else

/// Elsewhere neither GNU's OpenMP nor CUDA is to be met.
void setEnvironment() {}

#endif

std::vector<std::string> textsIn(const Napi::Array& array) {
  std::vector<std::string> texts;
  for (uint32_t index = 0; index < array.Length(); ++index) {
    texts.push_back(array.Get(index).ToString());
  }
  return texts;
}

/// `open(files)`: opens shared libraries, each by its path, in this order, for the rest of the
/// process. The linker then gives them to whatever names them as its dependencies, before it looks
/// anywhere else. Throws what the linker says of the first one that it cannot open.
void open(const Napi::CallbackInfo& info) {
  // All are read first: opening takes so long that a worker may be terminated meanwhile.
  for (const std::string& file : textsIn(info[0].As<Napi::Array>())) {
    // Local: its symbols are for those that name it, and for no other library of the process.
    if (dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) {
      const char* reason = dlerror();
      throw Napi::Error::New(info.Env(), reason != nullptr ? reason : file);
    }
  }
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  setEnvironment();
  exports.Set("open", Napi::Function::New(env, open, "open"));
  return exports;
}

}  // namespace

NODE_API_MODULE(loader, init)
