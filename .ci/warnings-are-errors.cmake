# CMake's variable for it, from 3.24 on; older ones only warn.
set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
