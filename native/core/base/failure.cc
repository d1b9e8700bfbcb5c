#include "core/base/failure.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <new>
#include <system_error>

#include "core/base/error.h"

namespace moco {
namespace {

const char* const kLessMemory = "Lower batchSize, m, k or featureDim, or choose a smaller arch.";
const char* const kReport = "This is a defect of moco, or of LibTorch: please report it.";
const char* const kDeviceFailed =
    "CUDA cannot be used any more by this process: start a new one. `nvidia-smi`, and \"Xid\" in "
    "the kernel's log (dmesg), tell what the GPU has; --device cpu works without it.";

/// Texts in messages about memory that is used up: those of PyTorch's CPU allocator, which throws a
/// plain c10::Error rather than a c10::OutOfMemoryError, and those of CUDA and its libraries.
constexpr std::array kOutOfMemory{"DefaultCPUAllocator",       "CUDA error: out of memory",
                                  "CUDA out of memory",        "CUBLAS_STATUS_ALLOC_FAILED",
                                  "CUDNN_STATUS_ALLOC_FAILED", "DEVICE_ALLOCATION_FAILED"};

/// Whole messages of oneDNN, which computes convolutions on the CPU, about what it has always done
/// before and can fail at for want of memory alone. They begin like others that mean something
/// else.
constexpr std::array kOneDnnOutOfMemory{"could not create a primitive",
                                        "could not execute a primitive",
                                        "could not create a memory object"};

/// Texts in messages of LibTorch and of this project's kernels about a GPU that has failed. They
/// are needed because not every such exception is a c10::AcceleratorError.
constexpr std::array kDeviceFailure{"CUDA error: ",
                                    "CUDA driver error: ",
                                    "CUBLAS_STATUS_EXECUTION_FAILED",
                                    "CUBLAS_STATUS_INTERNAL_ERROR",
                                    "CUDNN_STATUS_EXECUTION_FAILED",
                                    "CUDNN_STATUS_INTERNAL_ERROR",
                                    "CUDNN_STATUS_MAPPING_ERROR",
                                    " did not start: "};

template <class Texts>
bool containsAny(const std::string& message, const Texts& texts) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const char* text) { return message.find(text) != std::string::npos; });
}

/// The reason alone: CUDA's messages go on with lines of advice for developers.
std::string firstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

Failure deviceFailed(const std::string& message) {
  return {"ERR_MOCO_DEVICE", "the GPU failed: " + firstLine(message), kDeviceFailed};
}

Failure byMessage(const std::string& message) {
  if (containsAny(message, kOutOfMemory))
    return {"ERR_MOCO_OUT_OF_MEMORY", firstLine(message), kLessMemory};
  if (std::find(kOneDnnOutOfMemory.begin(), kOneDnnOutOfMemory.end(), message) !=
      kOneDnnOutOfMemory.end())
    return {"ERR_MOCO_OUT_OF_MEMORY", "there is no memory left: oneDNN " + message, kLessMemory};
  if (containsAny(message, kDeviceFailure)) return deviceFailed(message);
  return {"ERR_MOCO_NATIVE", message, kReport};
}

/// What the C++ library throws where the system has no thread to give.
Failure bySystem(const std::system_error& error) {
  if (error.code() != std::errc::resource_unavailable_try_again) return byMessage(error.what());
  return {"ERR_MOCO_LIMIT", "the system gives this process no further thread",
          "Raise the limit on processes and threads (`ulimit -u`, a container's limit on pids), or "
          "ask for fewer (--threads, --data-threads)."};
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
    const std::string message = error.what_without_backtrace();
    return containsAny(message, kOutOfMemory) ? byMessage(message) : deviceFailed(message);
  } catch (const c10::Error& error) {
    return byMessage(error.what_without_backtrace());
  } catch (const std::system_error& error) {
    return bySystem(error);
  } catch (const std::bad_alloc&) {
    return {"ERR_MOCO_OUT_OF_MEMORY", "the machine has no memory left", kLessMemory};
  } catch (const std::exception& error) {
    return byMessage(error.what());
  } catch (...) {
    return {"ERR_MOCO_NATIVE", "the addon failed for a reason that it did not name", kReport};
  }
}

}  // namespace moco
