#include "core/base/core_wait.h"

#include <doctest/doctest.h>

#include "support/temporary_folder.h"

using namespace moco;

TEST_CASE("the time that a thread waited for a core is read, in seconds") {
  const TemporaryFolder folder;
  const auto file = folder.path / "schedstat";
  writeFile(file, "12500000000 2500000000 42\n");
  CHECK(secondsWithoutCore(file) == doctest::Approx(2.5));
}

TEST_CASE("a system that does not tell how long a thread waited counts as no wait") {
  const TemporaryFolder folder;
  CHECK(secondsWithoutCore(folder.path / "missing") == 0);
  writeFile(folder.path / "empty", "");
  CHECK(secondsWithoutCore(folder.path / "empty") == 0);
  CHECK(secondsWithoutCore() >= 0);
}
