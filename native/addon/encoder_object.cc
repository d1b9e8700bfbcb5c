#include "addon/encoder_object.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "addon/errors.h"
#include "addon/properties.h"
#include "addon/settings.h"
#include "addon/tensor_source.h"

namespace moco::addon {
namespace {

const Failure& cancelled() {
  static const Failure failure{"ERR_MOCO_ABORTED", "the embedding was stopped", "Start it again."};
  return failure;
}

/// Arrays of bytes as JavaScript has them at this moment.
using Spans = std::vector<std::span<const uint8_t>>;

Spans spansOf(const Napi::Array& arrays) {
  Spans spans;
  for (uint32_t i = 0; i < arrays.Length(); ++i) {
    const auto array = arrays.Get(i).As<Napi::Uint8Array>();
    spans.emplace_back(array.Data(), array.ByteLength());
  }
  return spans;
}

/// Copies arrays of bytes, which may change or go as soon as the call has returned.
/// @param bytes  that they must have together
/// @throws Napi::Error ERR_MOCO_OUT_OF_MEMORY
std::unique_ptr<uint8_t[]> copyOf(const Napi::Array& arrays, int64_t bytes) {
  const Spans spans = spansOf(arrays);
  int64_t length = 0;
  for (const auto& span : spans) length += std::ssize(span);
  if (length != bytes) {
    throw Napi::TypeError::New(arrays.Env(),
                               "the pixels must have " + std::to_string(bytes) + " bytes");
  }
  std::unique_ptr<uint8_t[]> copy;
  try {
    copy = std::make_unique_for_overwrite<uint8_t[]>(bytes);
  } catch (const std::bad_alloc&) {
    throw errorObject(arrays.Env(), describe(std::current_exception()));
  }
  uint8_t* target = copy.get();
  for (const auto& span : spans) target = std::copy(span.begin(), span.end(), target);
  return copy;
}

EmbedRequest requestOf(const Napi::Array& pixels, const Napi::Object& asked, int64_t side) {
  const int64_t count = integer(asked, "count");
  if (count < 1) throw Napi::TypeError::New(asked.Env(), "count must be positive");
  return {.id = integer(asked, "id"),
          .count = count,
          .pixels = copyOf(pixels, count * side * side * 3),
          .output = string(asked, "output") == "projection" ? EmbedOutput::kProjection
                                                            : EmbedOutput::kFeatures,
          .normalise = boolean(asked, "normalize"),
          .type = string(asked, "dtype") == "fp16" ? EmbedType::kHalf : EmbedType::kFloat};
}

/// A typed array of a request's rows.
Napi::Value rowsValue(Napi::Env env, const EmbedRows& rows, EmbedType type) {
  const size_t bytes = rows.data.size();
  auto buffer = Napi::ArrayBuffer::New(env, bytes);
  std::memcpy(buffer.Data(), rows.data.data(), bytes);
  if (type == EmbedType::kHalf) return Napi::Uint16Array::New(env, bytes / 2, buffer, 0);
  return Napi::Float32Array::New(env, bytes / sizeof(float), buffer, 0);
}

/// Settles a promise with what a request has come to.
OnEmbedded settling(Jobs::Settle settle, EmbedType type) {
  return [settle = std::move(settle), type](EmbedOutcome outcome) {
    if (const auto* failure = std::get_if<Failure>(&outcome)) return settle(*failure);
    const auto rows = std::make_shared<const EmbedRows>(std::get<EmbedRows>(std::move(outcome)));
    settle([rows, type](Napi::Env env) { return rowsValue(env, *rows, type); });
  };
}

}  // namespace

EncoderObject::Properties EncoderObject::methods() {
  return {InstanceMethod<&EncoderObject::embed>("embed"),
          InstanceMethod<&EncoderObject::cancel>("cancel"),
          InstanceMethod<&EncoderObject::statistics>("statistics")};
}

Napi::Value EncoderObject::create(const Napi::CallbackInfo& info) {
  const auto settings = settingsOf<EmbedderSettings>(info[0].As<Napi::Object>());
  const TensorSource model = tensorSource(info[1].As<Napi::Object>());
  const auto make = [settings, model](std::optional<Embedder>& embedder) {
    embedder.emplace(settings, readTensors(model));
  };
  return createWith(info.Env(), make);
}

Napi::Value EncoderObject::embed(const Napi::CallbackInfo& info) {
  EmbedRequest request =
      requestOf(info[0].As<Napi::Array>(), info[1].As<Napi::Object>(), description().side);
  const EmbedType type = request.type;
  const auto begin = [&](Jobs::Settle settle) {
    shared().add(std::move(request), settling(std::move(settle), type));
  };
  return submitOpen(begin, [this] { embedAll(); });
}

void EncoderObject::embedAll() {
  while (!stopRequested() && core().embedBatch(shared())) {
  }
  if (stopRequested()) shared().endAll(cancelled());
}

void EncoderObject::cancel(const Napi::CallbackInfo& info) {
  shared().cancel(info[0].As<Napi::Number>().Int64Value(), cancelled());
}

Napi::Value EncoderObject::statistics(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const EmbedStatistics counts = shared().statistics();
  Napi::Array sizes = Napi::Array::New(env);
  for (const auto& [pictures, batches] : counts.batchSizes) {
    Napi::Object size = Napi::Object::New(env);
    size.Set("pictures", static_cast<double>(pictures));
    size.Set("batches", static_cast<double>(batches));
    sizes.Set(sizes.Length(), size);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("waiting", static_cast<double>(counts.waiting));
  object.Set("batches", static_cast<double>(counts.batches));
  object.Set("pictures", static_cast<double>(counts.pictures));
  object.Set("seconds", counts.seconds);
  object.Set("batchSizes", sizes);
  return object;
}

}  // namespace moco::addon
