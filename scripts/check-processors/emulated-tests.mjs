/**
 * The C++ tests, by file, that run on an emulated processor: those of arithmetic, of random numbers, of
 * files and of threads. Whole networks would take hours there, the training that follows goes through
 * them.
 */
export const EMULATED_TESTS = [
  'accuracy_test.cc',
  'adam_test.cc',
  'augment_test.cc',
  'cpu_kernels_test.cc',
  'crc32_test.cc',
  'info_nce_test.cc',
  'key_queue_test.cc',
  'knn_test.cc',
  'nearest_neighbours_test.cc',
  'pillow_test.cc',
  'random_test.cc',
  'tensor_file_test.cc',
];
