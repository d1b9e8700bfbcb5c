/** Where and how the addon computes. */
export interface NativeComputeDescription {
  /** `cpu` or `cuda:<n>`. */
  readonly device: string;
  readonly deviceName: string;
  readonly precision: 'fp32' | 'bf16';
  /** Why that precision, in words for the user. */
  readonly precisionReason: string;
  /**
   * Why moco's own kernels for the CPU (BatchNorm, convolutions in bf16, and those of a frozen encoder) are not used, in words for
   * the user; empty where they are. Without them the CPU computes more slowly.
   */
  readonly cpuKernelsUnavailable: string;
  readonly computeThreads: number;
  /** Why so many, in words for the user. */
  readonly computeThreadsReason: string;
  /** Number of parameters of one encoder. */
  readonly parameters: number;
}

/** What the addon decided: where and how it computes, and makes views. */
export interface NativeDescription extends NativeComputeDescription {
  /** Where training views are made: `cpu`, or the device that computes. */
  readonly viewsDevice: string;
  /** Why views are made there, in words for the user. */
  readonly viewsReason: string;
  readonly dataThreads: number;
}
