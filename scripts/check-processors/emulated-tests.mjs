/**
 * The C++ tests, by file, that run on an emulated processor: those of arithmetic, of random numbers and
 * of files. Whole networks would take hours there; the training that follows goes through them.
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
  'linear_probes_test.cc',
  'nearest_neighbours_test.cc',
  'pillow_test.cc',
  'random_test.cc',
  'tensor_file_test.cc',
];

/** Tests that do not run on an emulated processor. */
export const UNEMULATED = [
  // The emulator has a thread of its own, whose processors count among the process's.
  'a process that may not run on all processors has the cores of the others only',
  // It does not limit memory (RLIMIT_AS).
  'threads that the system refuses are an error, and no end of the process',
  // All 16.8 million colours, one by one.
  "every colour's hue and saturation are adjusted as by the plain version",
];
