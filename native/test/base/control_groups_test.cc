#include "core/base/control_groups.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "support/temporary_folder.h"

using namespace moco;

namespace {

constexpr uint64_t kGibibyte = uint64_t{1} << 30;

/// Control groups as files of a test's own.
struct FakeGroups {
  TemporaryFolder folder;
  ControlGroups groups{.own = folder.path / "own", .folders = folder.path / "groups"};

  /// @param own  the lines of /proc/self/cgroup
  explicit FakeGroups(const std::string& own) { writeFile(groups.own, own); }

  void write(const std::string& file, const std::string& text) const {
    writeFile(groups.folders / file, text);
  }
  std::optional<double> cores() const {
    const auto quota = cpuQuota(groups);
    return quota ? std::optional(quota->amount) : std::nullopt;
  }
  std::optional<uint64_t> bytes() const {
    const auto limit = memoryLimit(groups);
    return limit ? std::optional(limit->amount) : std::nullopt;
  }
};

}  // namespace

TEST_CASE("version 2: the smallest limit on the way from the process's group to the root counts") {
  const FakeGroups fake("0::/batch/job/step\n");
  CHECK(fake.cores() == std::nullopt);
  CHECK(fake.bytes() == std::nullopt);
  fake.write("batch/job/step/cpu.max", "400000 100000\n");
  fake.write("batch/job/step/memory.max", "max\n");
  CHECK(fake.cores() == 4);
  fake.write("batch/job/cpu.max", "max 100000\n");
  fake.write("batch/cpu.max", "75000 50000\n");
  fake.write("batch/memory.max", "8589934592\n");
  CHECK(fake.cores() == 1.5);
  CHECK(fake.bytes() == 8 * kGibibyte);
  CHECK(cpuQuota(fake.groups)->file == fake.groups.folders / "batch/cpu.max");
  fake.write("cpu.max", "50000 100000\n");
  CHECK(fake.cores() == 0.5);
}

TEST_CASE("version 1: each controller has groups of its own") {
  const FakeGroups fake(
      "4:memory:/batch/job\n3:cpu,cpuacct:/batch/job\n2:cpuset:/\n1:name=systemd:/\n");
  CHECK(fake.cores() == std::nullopt);
  fake.write("cpu,cpuacct/batch/job/cpu.cfs_quota_us", "-1\n");
  fake.write("cpu,cpuacct/batch/job/cpu.cfs_period_us", "100000\n");
  CHECK(fake.cores() == std::nullopt);
  fake.write("cpu,cpuacct/batch/cpu.cfs_quota_us", "250000\n");
  fake.write("cpu,cpuacct/batch/cpu.cfs_period_us", "100000\n");
  CHECK(fake.cores() == 2.5);
  fake.write("memory/batch/job/memory.limit_in_bytes", "9223372036854771712\n");  // no limit
  fake.write("memory/memory.limit_in_bytes", "4294967296\n");
  CHECK(fake.bytes() == 4 * kGibibyte);
}

TEST_CASE("version 1: a hierarchy may be found under the name of one of its controllers") {
  const FakeGroups fake("3:cpuacct,cpu:/\n");
  fake.write("cpu/cpu.cfs_quota_us", "100000\n");
  fake.write("cpu/cpu.cfs_period_us", "100000\n");
  CHECK(fake.cores() == 1);
}

TEST_CASE("a container that does not see its own group still sees the limit of its root") {
  for (const char* own : {"0::/docker/0123abc\n", "0::/../../system.slice\n"}) {
    const FakeGroups fake(own);
    fake.write("cpu.max", "200000 100000\n");
    CHECK(fake.cores() == 2);
  }
}

TEST_CASE("both versions at a time: each is asked for what it limits") {
  const FakeGroups fake("1:memory:/job\n0::/job\n");
  fake.write("unified/job/cpu.max", "150000 100000\n");
  fake.write("memory/job/memory.limit_in_bytes", "1073741824\n");
  CHECK(fake.cores() == 1.5);
  CHECK(fake.bytes() == kGibibyte);
}

TEST_CASE("without control groups there is no limit") {
  const TemporaryFolder folder;
  const ControlGroups none{.own = folder.path / "missing", .folders = folder.path};
  CHECK(!cpuQuota(none));
  CHECK(!memoryLimit(none));
}

TEST_CASE("files that say nothing are no limit") {
  const FakeGroups fake("no line of this kind\n0::/job\n");
  fake.write("job/cpu.max", "");
  fake.write("job/cpu.cfs_quota_us", "100000\n");  // without a period
  fake.write("job/memory.max", "much\n");
  CHECK(fake.cores() == std::nullopt);
  CHECK(fake.bytes() == std::nullopt);
}
