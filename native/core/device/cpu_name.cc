#include "core/device/cpu_name.h"

#include <array>
#include <string_view>
#ifdef __APPLE__
#include <sys/sysctl.h>
#else
#include <fstream>
#endif

namespace moco {
namespace {

/// A processor of 64-bit Arm, by what its identification register says.
struct ArmCore {
  std::string_view maker, model;
  const char* name;
};

constexpr std::array kArmCores = {
    ArmCore{"0x41", "0xd08", "Arm Cortex-A72"},   ArmCore{"0x41", "0xd0b", "Arm Cortex-A76"},
    ArmCore{"0x41", "0xd0c", "Arm Neoverse N1"},  ArmCore{"0x41", "0xd40", "Arm Neoverse V1"},
    ArmCore{"0x41", "0xd42", "Arm Cortex-A78AE"}, ArmCore{"0x41", "0xd49", "Arm Neoverse N2"},
    ArmCore{"0x41", "0xd4f", "Arm Neoverse V2"},  ArmCore{"0x41", "0xd84", "Arm Neoverse V3"},
    ArmCore{"0x41", "0xd8e", "Arm Neoverse N3"},  ArmCore{"0x46", "0x001", "Fujitsu A64FX"},
    ArmCore{"0x48", "0xd01", "Kunpeng 920"},      ArmCore{"0xc0", "0xac3", "AmpereOne"},
};

std::string armName(const std::string& maker, const std::string& model) {
  for (const auto& core : kArmCores) {
    if (core.maker == maker && core.model == model) return core.name;
  }
  return "Arm processor " + maker + "/" + model;
}

}  // namespace

std::string cpuNameIn(std::istream& info) {
  std::string maker, model;
  for (std::string line; std::getline(info, line);) {
    const auto colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const auto is = [&](std::string_view key) { return line.compare(0, key.size(), key) == 0; };
    const std::string value = line.substr(colon + 2);
    if (is("model name")) return value;
    if (is("CPU implementer")) maker = value;
    if (is("CPU part")) model = value;
  }
  return maker.empty() || model.empty() ? "CPU" : armName(maker, model);
}

std::string cpuName() {
#ifdef __APPLE__
  char name[256] = {};
  size_t size = sizeof(name);
  sysctlbyname("machdep.cpu.brand_string", name, &size, nullptr, 0);
  return name;
#else
  std::ifstream info("/proc/cpuinfo");
  return cpuNameIn(info);
#endif
}

}  // namespace moco
