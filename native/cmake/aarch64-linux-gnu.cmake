# Compiles for 64-bit Arm on a machine of another kind, with the cross compiler of Debian and Ubuntu
# (package g++-aarch64-linux-gnu).

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
