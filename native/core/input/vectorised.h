#pragma once

/// Compiles a loop for several generations of vector instructions, of which the one that the
/// processor has is taken when the program starts. The bytes are the same: nothing is contracted.
/// Under ThreadSanitizer, the choice would come before that is ready.
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_THREAD__)
#define MOCO_VECTORISED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define MOCO_VECTORISED
#endif
