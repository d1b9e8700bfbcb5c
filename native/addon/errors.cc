#include "addon/errors.h"

#include <c10/util/Exception.h>

#include <new>

#include "core/error.h"

namespace moco::addon {
namespace {

const char* const kLessMemory = "Lower the batch size, or choose a smaller arch.";

}  // namespace

Failure describe(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return {error.code, error.what(), error.hint};
  } catch (const c10::OutOfMemoryError& error) {
    return {"ERR_MOCO_OUT_OF_MEMORY", error.what_without_backtrace(), kLessMemory};
  } catch (const c10::Error& error) {
    return {"ERR_MOCO_NATIVE", error.what_without_backtrace(), ""};
  } catch (const std::bad_alloc&) {
    return {"ERR_MOCO_OUT_OF_MEMORY", "the machine has no memory left", kLessMemory};
  } catch (const std::exception& error) {
    return {"ERR_MOCO_NATIVE", error.what(), ""};
  } catch (...) {
    return {"ERR_MOCO_NATIVE", "the addon failed for a reason that it did not name", ""};
  }
}

Napi::Error errorObject(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.message);
  error.Set("code", Napi::String::New(env, failure.code));
  if (!failure.hint.empty()) error.Set("hint", Napi::String::New(env, failure.hint));
  return error;
}

}  // namespace moco::addon
