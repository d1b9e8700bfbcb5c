# Compiles this project's own CUDA kernels if there is an nvcc. Without it, a GPU is driven by
# LibTorch's operators alone.
#
#   MOCO_NVCC                 nvcc's path, or empty
#   MOCO_CUDA_ARCHITECTURES   the GPUs to compile for, written as for CMAKE_CUDA_ARCHITECTURES

if(NOT MOCO_NVCC)
  return()
endif()
if(NOT MOCO_CUDA_ARCHITECTURES)
  set(MOCO_CUDA_ARCHITECTURES 80 90a)
endif()
set(CMAKE_CUDA_COMPILER ${MOCO_NVCC})
set(CMAKE_CUDA_HOST_COMPILER ${CMAKE_CXX_COMPILER})
set(CMAKE_CUDA_ARCHITECTURES ${MOCO_CUDA_ARCHITECTURES})
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
# The CUDA runtime is linked statically, so that its version may differ from the one that LibTorch
# brings.
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
enable_language(CUDA)

# The rooms of native/core add their kernels to this library (`moco_room`).
add_library(moco_cuda STATIC)
target_include_directories(moco_cuda PUBLIC native)
target_include_directories(moco_cuda SYSTEM PUBLIC ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
target_compile_definitions(moco_cuda PUBLIC MOCO_CUDA_KERNELS)
target_compile_options(moco_cuda PRIVATE -Xcompiler=-Wall,-Wextra)

# What calls the kernels asks LibTorch for its stream and its graphs, which a CPU build has not.
target_link_libraries(moco_libtorch INTERFACE ${LIBTORCH_torch_cuda} ${LIBTORCH_c10_cuda})
