#include "addon/errors.h"

#include <c10/util/Exception.h>

#include <new>

#include "core/error.h"

namespace moco::addon {
namespace {

const char* const kLessMemory = "Lower batchSize, m, k or featureDim, or choose a smaller arch.";
const char* const kReport = "This is a defect of moco, or of LibTorch: please report it.";

Failure describe(const c10::Error& error) {
  const std::string message = error.what_without_backtrace();
  // PyTorch's own CPU allocator throws the base class.
  const bool memory = message.find("DefaultCPUAllocator") != std::string::npos;
  if (memory) return {"ERR_MOCO_OUT_OF_MEMORY", message, kLessMemory};
  return {"ERR_MOCO_NATIVE", message, kReport};
}

}  // namespace

Failure describe(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return {error.code, error.what(), error.hint};
  } catch (const c10::OutOfMemoryError& error) {
    return {"ERR_MOCO_OUT_OF_MEMORY", error.what_without_backtrace(), kLessMemory};
  } catch (const c10::AcceleratorError& error) {
    return {"ERR_MOCO_DEVICE", error.what_without_backtrace(),
            "The GPU failed: check it with nvidia-smi, or choose --device cpu."};
  } catch (const c10::Error& error) {
    return describe(error);
  } catch (const std::bad_alloc&) {
    return {"ERR_MOCO_OUT_OF_MEMORY", "the machine has no memory left", kLessMemory};
  } catch (const std::exception& error) {
    return {"ERR_MOCO_NATIVE", error.what(), kReport};
  } catch (...) {
    return {"ERR_MOCO_NATIVE", "the addon failed for a reason that it did not name", kReport};
  }
}

Napi::Error errorObject(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.message);
  error.Set("code", Napi::String::New(env, failure.code));
  if (!failure.hint.empty()) error.Set("hint", Napi::String::New(env, failure.hint));
  return error;
}

}  // namespace moco::addon
