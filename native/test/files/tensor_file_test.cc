#include "core/files/tensor_file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <string>

#include "core/base/error.h"
#include "core/files/crc32.h"
#include "support/temporary_folder.h"

using namespace moco;

namespace {

constexpr std::array<float, 6> kValues{0, 1, 2, 3, 4, 5};
constexpr int64_t kOffset = 3;

/// Writes a file with the values after three other bytes. They are a matrix stored by columns.
TensorSource valuesIn(const TemporaryFolder& folder) {
  const std::string path = folder.path / "values";
  std::ofstream(path, std::ios::binary)
      .write("...", kOffset)
      .write(reinterpret_cast<const char*>(kValues.data()), sizeof(kValues));
  const StoredTensor matrix{.name = "matrix",
                            .type = at::kFloat,
                            .shape = {2, 3},
                            .strides = {1, 2},
                            .firstElement = 0,
                            .storageOffset = kOffset,
                            .storageBytes = sizeof(kValues),
                            .crc32 = crc32(kValues.data(), sizeof(kValues)),
                            .bigEndian = {}};
  return {path, {matrix}};
}

}  // namespace

TEST_CASE("tensors are views of their storages, of any layout") {
  const TemporaryFolder folder;
  TensorSource source = valuesIn(folder);
  StoredTensor last = source.tensors[0];
  last.name = "last";
  last.shape = {};
  last.strides = {};
  last.firstElement = 5;
  source.tensors.push_back(last);
  const StateDict state = readTensors(source);
  CHECK(state[0].first == "matrix");
  CHECK(state[0].second.equal(at::tensor({0.f, 2.f, 4.f, 1.f, 3.f, 5.f}).view({2, 3})));
  CHECK(state[1].second.item<float>() == 5);
  CHECK(state[1].second.is_alias_of(state[0].second));
}

TEST_CASE("a tensor without elements may lie where the next one begins") {
  const TemporaryFolder folder;
  TensorSource source = valuesIn(folder);
  StoredTensor empty = source.tensors[0];
  empty.name = "empty";
  empty.shape = {0, 3};
  empty.strides = {3, 1};
  empty.storageBytes = 0;
  empty.crc32 = 0;
  source.tensors.insert(source.tensors.begin(), empty);
  const StateDict state = readTensors(source);
  CHECK(state[0].second.sizes() == at::IntArrayRef{0, 3});
  CHECK(state[1].second.numel() == 6);
}

TEST_CASE("numbers of the other byte order are turned around") {
  const TemporaryFolder folder;
  TensorSource source = valuesIn(folder);
  const at::Tensor expected = readTensors(source)[0].second.clone();
  std::string bytes(reinterpret_cast<const char*>(kValues.data()), sizeof(kValues));
  for (auto at = bytes.begin(); at != bytes.end(); at += sizeof(float)) {
    std::reverse(at, at + sizeof(float));
  }
  source.path = folder.path / "turned";
  std::ofstream(source.path, std::ios::binary) << "..." << bytes;
  source.tensors[0].crc32 = crc32(bytes.data(), bytes.size());
  source.tensors[0].bigEndian = sizeof(float);
  CHECK(readTensors(source)[0].second.equal(expected));
}

TEST_CASE("a storage may end with less than an element") {
  const TemporaryFolder folder;
  TensorSource source = valuesIn(folder);
  source.tensors[0].storageBytes -= 1;
  source.tensors[0].crc32 = {};
  source.tensors[0].shape = {1, 3};
  CHECK(readTensors(source)[0].second.equal(at::tensor({0.f, 2.f, 4.f}).view({1, 3})));
}

TEST_CASE("a tensor whose checksum is wrong is named") {
  const TemporaryFolder folder;
  TensorSource source = valuesIn(folder);
  source.tensors[0].crc32 = *source.tensors[0].crc32 ^ 1;
  CHECK_THROWS_WITH_AS(readTensors(source), doctest::Contains("tensor matrix is damaged"), Error);
}

TEST_CASE("a file that is too short or not there is an error") {
  const TemporaryFolder folder;
  TensorSource source = valuesIn(folder);
  source.tensors[0].storageOffset += 1;
  CHECK_THROWS_WITH_AS(readTensors(source), doctest::Contains("ends too early"), Error);
  source.path += ".gone";
  CHECK_THROWS_WITH_AS(readTensors(source), doctest::Contains(".gone: No such file"), Error);
}

TEST_CASE("a file that cannot be opened because too many are is not called damaged") {
  const TemporaryFolder folder;
  const TensorSource source = valuesIn(folder);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  std::string code;
  try {
    readTensors(source);
  } catch (const Error& error) {
    code = error.code;
  }
  setrlimit(RLIMIT_NOFILE, &before);
  CHECK(code == "ERR_MOCO_LIMIT");
}

TEST_CASE("a tensor that reaches beyond its storage is refused") {
  const TemporaryFolder folder;
  TensorSource source = valuesIn(folder);
  source.tensors[0].firstElement = 1;
  CHECK_THROWS_AS(readTensors(source), c10::Error);
}
