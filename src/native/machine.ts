/** What this machine offers. */
export interface NativeHardware {
  readonly cpuName: string;
  readonly cpuBf16: boolean;
  /** Why moco's own kernels for the CPU are not used; empty where they are. */
  readonly cpuKernelsUnavailable: string;
  /** Whether these multiply in the tiles of AMX. */
  readonly usesAmx: boolean;
  /** Absent where CUDA cannot be used. */
  readonly cuda: NativeCuda | undefined;
  /** Why CUDA cannot be used; empty where it can. */
  readonly cudaUnavailable: string;
}

export interface NativeCuda {
  readonly devices: readonly {
    readonly name: string;
    /** E.g. `9.0`. */
    readonly computeCapability: string;
    readonly memoryBytes: number;
  }[];
  /** The newest CUDA that the driver supports. */
  readonly driverCuda: string;
  /** The version of CUDA that LibTorch was built with. */
  readonly cuda: string;
  readonly cudnn: string;
}

/** Large blocks of memory that PyTorch has on a device, in bytes. */
export interface NativeMemory {
  readonly inUse: number;
  /** Not in use, and kept for the next tensors. */
  readonly cached: number;
  /** The most that was in use at once since the process started. */
  readonly peak: number;
  /** The most that PyTorch held at once since then, in use or kept: what others could not have. */
  readonly held: number;
}
