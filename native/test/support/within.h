#pragma once

#include <string>

namespace moco {

/// Checks that an error is below its limit. When a test case ends, the program prints the error of
/// it that came nearest to its limit:
///
///     error: <test case>: 1.2e-06 of 2e-06 (<what>)
///
/// The log of a run on other hardware thus says how much room there was, also where all was well.
/// @param what  which error, for people to read
void checkWithin(const std::string& what, double error, double limit);

/// `checkWithin` of |value − expected|.
/// @param relative  share of |expected| by which the value may differ
/// @param absolute  is added to that
void checkClose(const std::string& what, double value, double expected, double relative,
                double absolute = 0);

}  // namespace moco
