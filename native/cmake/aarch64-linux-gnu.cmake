# Compiles for 64-bit Arm on a machine of another kind, with the cross compiler of Debian and Ubuntu
# (package g++-aarch64-linux-gnu).

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

# Who compiles so has the compiler that this was written with, or wants to know.
set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
