#include "core/base/failure.h"

#include <c10/util/Exception.h>
#include <doctest/doctest.h>

#include <new>
#include <stdexcept>
#include <system_error>

#include "core/base/error.h"

using namespace moco;

namespace {

template <class Exception>
Failure failureOf(const Exception& exception) {
  return describe(std::make_exception_ptr(exception));
}

c10::SourceLocation here() { return {__func__, __FILE__, static_cast<uint32_t>(__LINE__)}; }

c10::Error libtorchError(const std::string& message) { return {here(), message}; }

}  // namespace

TEST_CASE("an error of ours keeps its code, message and hint") {
  const Failure failure = failureOf(Error("ERR_MOCO_DATA", "label 11", "Check the labels."));
  CHECK(failure.code == "ERR_MOCO_DATA");
  CHECK(failure.message == "label 11");
  CHECK(failure.hint == "Check the labels.");
}

TEST_CASE("a GPU that fails is ERR_MOCO_DEVICE, with CUDA's reason but not its advice") {
  for (const std::string reason :
       {"CUDA error: an illegal memory access was encountered",
        "CUDA error: device-side assert triggered", "CUDA error: unspecified launch failure",
        "CUDA error: uncorrectable ECC error encountered",
        "CUDA error: CUDA-capable device(s) is/are busy or unavailable"}) {
    const std::string text = reason + "\nCUDA kernel errors might be asynchronously reported";
    const Failure typed = failureOf(c10::AcceleratorError(here(), 700, text));
    CHECK(typed.code == "ERR_MOCO_DEVICE");
    CHECK(typed.message == "the GPU failed: " + reason);
    CHECK(typed.hint.find("start a new one") != std::string::npos);
    CHECK(failureOf(libtorchError(text)).code == "ERR_MOCO_DEVICE");
  }
  CHECK(failureOf(libtorchError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED")).code ==
        "ERR_MOCO_DEVICE");
  CHECK(failureOf(std::runtime_error("the kernel views did not start: no device")).code ==
        "ERR_MOCO_DEVICE");
}

TEST_CASE("memory that oneDNN does not get is told apart from what oneDNN cannot do") {
  for (const char* message : {"could not create a primitive", "could not execute a primitive",
                              "could not create a memory object"}) {
    CHECK(failureOf(std::runtime_error(message)).code == "ERR_MOCO_OUT_OF_MEMORY");
  }
  const std::runtime_error unable("could not create a primitive descriptor for a convolution");
  CHECK(failureOf(unable).code == "ERR_MOCO_NATIVE");
}

TEST_CASE("a thread that the system does not give is ERR_MOCO_LIMIT, with the limit to raise") {
  const auto refused = std::make_error_code(std::errc::resource_unavailable_try_again);
  const Failure failure = failureOf(std::system_error(refused));
  CHECK(failure.code == "ERR_MOCO_LIMIT");
  CHECK(failure.hint.find("ulimit -u") != std::string::npos);
  const auto other = std::make_error_code(std::errc::io_error);
  CHECK(failureOf(std::system_error(other)).code == "ERR_MOCO_NATIVE");
}

TEST_CASE("memory that is used up is ERR_MOCO_OUT_OF_MEMORY, whoever reports it") {
  CHECK(failureOf(std::bad_alloc()).code == "ERR_MOCO_OUT_OF_MEMORY");
  CHECK(failureOf(c10::OutOfMemoryError(here(), "CUDA out of memory. Tried to allocate 1 GiB"))
            .code == "ERR_MOCO_OUT_OF_MEMORY");
  for (const char* message :
       {"[enforce fail] DefaultCPUAllocator: can't allocate memory", "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"}) {
    CHECK(failureOf(libtorchError(message)).code == "ERR_MOCO_OUT_OF_MEMORY");
    CHECK(failureOf(c10::AcceleratorError(here(), 2, message)).code == "ERR_MOCO_OUT_OF_MEMORY");
  }
}

TEST_CASE("anything else is a defect to report") {
  CHECK(failureOf(libtorchError("mat1 and mat2 shapes cannot be multiplied")).code ==
        "ERR_MOCO_NATIVE");
  CHECK(failureOf(std::logic_error("?")).code == "ERR_MOCO_NATIVE");
  CHECK(describe(std::make_exception_ptr(1)).code == "ERR_MOCO_NATIVE");
}
