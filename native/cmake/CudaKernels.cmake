# Kernels of our own, where there is an nvcc to compile them; else LibTorch's operators do everything.
#
#   MOCO_NVCC                 nvcc's path, or empty
#   MOCO_CUDA_ARCHITECTURES   the GPUs to compile for, as CMAKE_CUDA_ARCHITECTURES

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
# Linked statically, so that it need not be the CUDA that LibTorch brings.
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
enable_language(CUDA)

# Its sources are the kernels of the core's rooms.
add_library(moco_cuda STATIC)
target_include_directories(moco_cuda PUBLIC native)
target_include_directories(moco_cuda SYSTEM PUBLIC ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
target_compile_definitions(moco_cuda PUBLIC MOCO_CUDA_KERNELS)
target_compile_options(moco_cuda PRIVATE -Xcompiler=-Wall,-Wextra)
