# Links LibTorch's libraries directly. `find_package(Torch)` insists on a complete CUDA toolkit for
# a CUDA build of LibTorch; the libraries themselves need none.
#
#   MOCO_LIBTORCH   the folder that holds LibTorch's include/ and lib/
#
#   moco_libtorch           for libraries and the addon, which serve any LibTorch of the same minor
#                           version, for CPU or CUDA, and say nothing of where it lies: whoever
#                           loads the addon has opened LibTorch before
#   moco_libtorch_program   for programs, which are started where they are built: these find and
#                           open all of this very LibTorch

if(NOT MOCO_LIBTORCH)
  message(FATAL_ERROR "MOCO_LIBTORCH is not set. Build with `npm run setup`, which finds LibTorch.")
endif()

foreach(name torch_cpu c10)
  find_library(LIBTORCH_${name} ${name} PATHS ${MOCO_LIBTORCH}/lib NO_DEFAULT_PATH REQUIRED)
endforeach()
add_library(moco_libtorch INTERFACE)
target_include_directories(
  moco_libtorch SYSTEM INTERFACE ${MOCO_LIBTORCH}/include
                                 ${MOCO_LIBTORCH}/include/torch/csrc/api/include)
target_link_libraries(moco_libtorch INTERFACE ${LIBTORCH_torch_cpu} ${LIBTORCH_c10})
add_library(moco_libtorch_program INTERFACE)
target_link_libraries(moco_libtorch_program INTERFACE moco_libtorch)
if(NOT APPLE)
  # The libraries' own dependencies (NVIDIA's) are found at run time, relative to themselves.
  target_link_options(moco_libtorch INTERFACE -Wl,--allow-shlib-undefined)
endif()

if(EXISTS ${MOCO_LIBTORCH}/lib/libtorch_cuda.so)
  foreach(name torch_cuda c10_cuda)
    find_library(LIBTORCH_${name} ${name} PATHS ${MOCO_LIBTORCH}/lib NO_DEFAULT_PATH REQUIRED)
  endforeach()
  # Most programs refer to no symbol of torch_cuda. Without this option the linker would therefore
  # leave the library out, and LibTorch would find no GPU.
  target_link_libraries(
    moco_libtorch_program INTERFACE -Wl,--no-as-needed ${LIBTORCH_torch_cuda} ${LIBTORCH_c10_cuda}
                                    -Wl,--as-needed)
endif()
