import type { NativeGpuOptions } from './compute.js';

/** How a configuration lets a GPU compute. */
export function gpuOptions(config: {
  readonly tf32: boolean;
  readonly deterministic: boolean;
  readonly cudaGraph?: boolean;
}): NativeGpuOptions {
  const { tf32, deterministic, cudaGraph = true } = config;
  return { tf32, deterministic, cudaGraph };
}
