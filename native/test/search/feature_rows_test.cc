#include "core/search/feature_rows.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "search/search_examples.h"
#include "support/temporary_folder.h"

using namespace moco;

namespace {

/// A file with an offset before its rows, which no page begins at.
std::string fileOf(const TemporaryFolder& folder, const at::Tensor& rows) {
  const std::string path = folder.path / "features";
  std::ofstream stream(path, std::ios::binary);
  stream << std::string(192, ' ');
  stream.write(static_cast<const char*>(rows.const_data_ptr()),
               static_cast<std::streamsize>(rows.nbytes()));
  return path;
}

FeatureRows::Place placeOf(const std::string& path, const at::Tensor& rows) {
  return {.path = path,
          .offset = 192,
          .isHalf = rows.scalar_type() == at::kHalf,
          .count = rows.size(0),
          .dims = rows.size(1)};
}

std::string codeOf(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.code;
  }
  return "none";
}

}  // namespace

TEST_CASE("rows in a file are those in memory, as fp32 and as fp16") {
  const TemporaryFolder folder;
  for (const auto type : {at::kFloat, at::kHalf}) {
    const auto rows = at::randn({70, 33}).to(type);
    const FeatureRows mapped(placeOf(fileOf(folder, rows), rows));
    CHECK(mapped.isMapped());
    std::vector<float> row(33);
    for (const int64_t number : {0, 41, 69}) {
      mapped.read(number, row.data());
      CHECK(row == numbersOf(rows[number].to(at::kFloat)));
    }
  }
}

TEST_CASE("a file that is too short, gone or not in whole numbers is an error") {
  const TemporaryFolder folder;
  const auto rows = at::randn({10, 16});
  auto place = placeOf(fileOf(folder, rows), rows);
  place.count = 11;
  CHECK(codeOf([&] { FeatureRows{place}; }) == "ERR_MOCO_DATA");
  place.count = 9;
  place.offset = 193;
  CHECK(codeOf([&] { FeatureRows{place}; }) == "ERR_MOCO_DATA");
  place.path += ".gone";
  CHECK(codeOf([&] { FeatureRows{place}; }) == "ERR_MOCO_DATA");
}

TEST_CASE(
    "a file that was cut or written to after it was opened is an error, one replaced is not") {
  const TemporaryFolder folder;
  const auto rows = at::randn({10, 16});
  const std::string path = fileOf(folder, rows);
  const auto replaced = std::filesystem::path(path + ".new");
  const FeatureRows mapped(placeOf(path, rows));
  mapped.requireUnchanged();
  std::ofstream(replaced) << "another file";
  std::filesystem::rename(replaced, path);
  mapped.requireUnchanged();
  const FeatureRows again(placeOf(fileOf(folder, rows), rows));
  std::ofstream(path, std::ios::app) << "more";
  CHECK(codeOf([&] { again.requireUnchanged(); }) == "ERR_MOCO_DATA");
  std::filesystem::resize_file(path, 300);
  CHECK(codeOf([&] { again.requireUnchanged(); }) == "ERR_MOCO_DATA");
}

TEST_CASE("no rows at all are rows") {
  const TemporaryFolder folder;
  const auto rows = at::randn({0, 16});
  CHECK(FeatureRows(placeOf(fileOf(folder, rows), rows)).count() == 0);
  CHECK(FeatureRows(0, 16).count() == 0);
}
