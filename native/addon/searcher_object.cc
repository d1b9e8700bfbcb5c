#include "addon/searcher_object.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "addon/properties.h"
#include "addon/settings.h"
#include "core/base/error.h"

namespace moco::addon {
namespace {

std::vector<float> floats(const Napi::Value& value) {
  const auto array = value.As<Napi::Float32Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

std::optional<uint32_t> checksumOf(const Napi::Object& place) {
  const auto value = place.Get("crc32");
  if (value.IsUndefined()) return {};
  return value.As<Napi::Number>().Uint32Value();
}

std::optional<FeatureRows::Place> placeOf(const Napi::Value& value,
                                          const SearcherSettings& settings) {
  if (value.IsUndefined()) return {};
  const auto place = value.As<Napi::Object>();
  return FeatureRows::Place{.path = string(place, "path"),
                            .offset = integer(place, "offset"),
                            .isHalf = string(place, "dtype") == "F16",
                            .count = settings.count,
                            .dims = settings.dims,
                            .crc32 = checksumOf(place)};
}

template <class Array, class Number>
Array arrayOf(Napi::Env env, const std::vector<Number>& numbers) {
  Array array = Array::New(env, numbers.size());
  std::copy(numbers.begin(), numbers.end(), array.Data());
  return array;
}

Napi::Object foundObject(Napi::Env env, const FoundRows& found) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("k", static_cast<double>(found.k));
  object.Set("rows", arrayOf<Napi::Uint32Array>(env, found.rows));
  object.Set("similarities", arrayOf<Napi::Float32Array>(env, found.similarities));
  return object;
}

/// How far a comparison of all rows with all others is.
struct Comparison {
  std::optional<SimilarPairs> pairs;
  int64_t compared = 0;
};

Napi::Object pairsObject(Napi::Env env, const SimilarRows& found) {
  std::vector<uint32_t> first, second, rows, ends;
  std::vector<float> similarities;
  for (const auto& pair : found.pairs) {
    first.push_back(static_cast<uint32_t>(pair.first));
    second.push_back(static_cast<uint32_t>(pair.second));
    similarities.push_back(pair.similarity);
  }
  for (const auto& group : found.groups) {
    rows.insert(rows.end(), group.begin(), group.end());
    ends.push_back(static_cast<uint32_t>(rows.size()));
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("pairCount", static_cast<double>(found.pairCount));
  object.Set("first", arrayOf<Napi::Uint32Array>(env, first));
  object.Set("second", arrayOf<Napi::Uint32Array>(env, second));
  object.Set("similarities", arrayOf<Napi::Float32Array>(env, similarities));
  object.Set("groupRows", arrayOf<Napi::Uint32Array>(env, rows));
  object.Set("groupEnds", arrayOf<Napi::Uint32Array>(env, ends));
  return object;
}

}  // namespace

SearcherObject::Properties SearcherObject::methods() {
  return {InstanceMethod<&SearcherObject::append>("append"),
          InstanceMethod<&SearcherObject::prepare>("prepare"),
          InstanceMethod<&SearcherObject::search>("search"),
          InstanceMethod<&SearcherObject::pairs>("pairs"),
          InstanceMethod<&SearcherObject::bytesOf>("bytesOf")};
}

Napi::Value SearcherObject::create(const Napi::CallbackInfo& info) {
  const auto settings = settingsOf<SearcherSettings>(info[0].As<Napi::Object>());
  const auto make = [settings, place = placeOf(info[1], settings)](std::optional<Searcher>& made) {
    place ? made.emplace(settings, *place) : made.emplace(settings);
  };
  return createWith(info.Env(), make);
}

Napi::Value SearcherObject::submitCancellable(Napi::Env env, Cancellable work,
                                              Napi::Function onRows) {
  const auto isCancelled = std::make_shared<std::atomic<bool>>(false);
  const auto part = [this, isCancelled, work = std::move(work)](Reporter& reporter) {
    const auto stop = [&] { return *isCancelled || stopRequested(); };
    if (stop()) throw Error("ERR_MOCO_ABORTED", "the search was stopped", "Start it again.");
    return work(reporter, stop);
  };
  Napi::Object search = Napi::Object::New(env);
  search.Set("result", submitParts(part, onRows));
  search.Set("cancel", Napi::Function::New(
                           env, [isCancelled](const Napi::CallbackInfo&) { *isCancelled = true; }));
  return search;
}

Napi::Value SearcherObject::append(const Napi::CallbackInfo& info) {
  return submit([this, rows = floats(info[0])](Reporter&) -> ToValue {
    core().append(rows);
    return undefined;
  });
}

Napi::Value SearcherObject::prepare(const Napi::CallbackInfo& info) {
  const auto work = [this](Reporter&, const StopRequested& stop) -> ToValue {
    core().prepare(stop);
    return undefined;
  };
  return submitCancellable(info.Env(), work);
}

Napi::Value SearcherObject::search(const Napi::CallbackInfo& info) {
  const int64_t k = info[1].As<Napi::Number>().Int64Value();
  const auto work = [this, k, queries = floats(info[0])](Reporter&,
                                                         const StopRequested& stop) -> ToValue {
    return [found = core().search(queries, k, stop)](Napi::Env env) {
      return foundObject(env, found);
    };
  };
  return submitCancellable(info.Env(), work);
}

Napi::Value SearcherObject::pairs(const Napi::CallbackInfo& info) {
  const auto asked = info[0].As<Napi::Object>();
  const auto threshold = static_cast<float>(number(asked, "threshold"));
  const int64_t most = integer(asked, "most");
  const auto comparison = std::make_shared<Comparison>();
  const auto work = [=, this](Reporter& reporter,
                              const StopRequested& stop) -> std::optional<ToValue> {
    auto& [pairs, compared] = *comparison;
    const int64_t rows = core().rows().count();
    if (!pairs) pairs.emplace(rows, threshold, most);
    compared = core().comparePairs(compared, *pairs, stop);
    reporter.row({static_cast<double>(compared)});
    if (compared < rows) return {};
    return [found = pairs->take()](Napi::Env env) { return pairsObject(env, found); };
  };
  return submitCancellable(info.Env(), work, info[1].As<Napi::Function>());
}

Napi::Value SearcherObject::bytesOf(const Napi::CallbackInfo& info) {
  const int64_t first = info[0].As<Napi::Number>().Int64Value();
  const int64_t count = info[1].As<Napi::Number>().Int64Value();
  return submit([this, first, count](Reporter&) -> ToValue {
    return [bytes = core().bytesOf(first, count)](Napi::Env env) {
      return arrayOf<Napi::Uint8Array>(env, bytes);
    };
  });
}

}  // namespace moco::addon
