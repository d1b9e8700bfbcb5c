#pragma once

#include <istream>
#include <string>

namespace moco {

/// The name of this machine's processor, for people to read.
std::string cpuName();

/// The name of the processor that Linux describes in the text of `/proc/cpuinfo`. On x86 the
/// processor names itself there; on Arm it is known by two numbers, for its maker and its model, of
/// which usual ones are named here, and others told. Of several kinds in one machine the last is
/// taken, which as a rule is the fastest. `CPU` where the text tells neither.
std::string cpuNameIn(std::istream& info);

}  // namespace moco
