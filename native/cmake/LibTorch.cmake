# Links LibTorch's libraries directly. `find_package(Torch)` insists on a complete CUDA toolkit for
# a CUDA build of LibTorch; the libraries themselves need none.
#
#   MOCO_LIBTORCH   the folder that holds LibTorch's include/ and lib/

if(NOT MOCO_LIBTORCH)
  message(FATAL_ERROR "MOCO_LIBTORCH is not set. Build with `npm run setup`, which finds LibTorch.")
endif()

add_library(moco_libtorch INTERFACE)
target_include_directories(
  moco_libtorch SYSTEM INTERFACE ${MOCO_LIBTORCH}/include
                                 ${MOCO_LIBTORCH}/include/torch/csrc/api/include)

set(libraries torch torch_cpu c10)
if(EXISTS ${MOCO_LIBTORCH}/lib/libtorch_cuda.so)
  list(APPEND libraries torch_cuda c10_cuda)
  target_compile_definitions(moco_libtorch INTERFACE MOCO_LIBTORCH_CUDA)
endif()
if(NOT APPLE)
  # No code refers to a symbol of torch_cuda. Without this option the linker would therefore leave
  # the library out, and LibTorch would find no GPU.
  target_link_options(moco_libtorch INTERFACE -Wl,--no-as-needed)
  # The libraries' own dependencies (NVIDIA's) are found at run time, relative to themselves.
  target_link_options(moco_libtorch INTERFACE -Wl,--allow-shlib-undefined)
endif()
foreach(name IN LISTS libraries)
  find_library(LIBTORCH_${name} ${name} PATHS ${MOCO_LIBTORCH}/lib NO_DEFAULT_PATH REQUIRED)
  target_link_libraries(moco_libtorch INTERFACE ${LIBTORCH_${name}})
endforeach()
# LibTorch's libraries are not copied: the addon's run path names the folder that they are in.
set(CMAKE_BUILD_RPATH ${MOCO_LIBTORCH}/lib)
