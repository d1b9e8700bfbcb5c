#include "core/device/cpu_name.h"

#include <doctest/doctest.h>

#include <sstream>

using namespace moco;

namespace {

std::string nameIn(const std::string& text) {
  std::istringstream info(text);
  return cpuNameIn(info);
}

/// What Linux tells of one Arm core.
std::string armCore(const std::string& model) {
  return "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n"
         "CPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: " +
         model + "\nCPU revision\t: 1\n\n";
}

}  // namespace

TEST_CASE("a processor that names itself has that name") {
  CHECK(nameIn("processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel\t\t: 17\n"
               "model name\t: AMD EPYC 9R14\nstepping\t: 1\n") == "AMD EPYC 9R14");
}

TEST_CASE("an Arm processor is named by its numbers") {
  CHECK(nameIn(armCore("0xd0c")) == "Arm Neoverse N1");
  CHECK(nameIn(armCore("0x123")) == "Arm processor 0x41/0x123");
}

TEST_CASE("of several kinds of Arm cores the last one counts") {
  CHECK(nameIn(armCore("0xd05") + armCore("0xd0b")) == "Arm Cortex-A76");
}

TEST_CASE("a processor that nothing is told of is a CPU") {
  CHECK(nameIn("") == "CPU");
  CHECK(nameIn("CPU implementer\t: 0x41\n") == "CPU");
}
