/** What the addon decided: where and how it computes. */
export interface NativeDescription {
  /** `cpu` or `cuda:<n>`. */
  readonly device: string;
  readonly deviceName: string;
  readonly precision: 'fp32' | 'bf16';
  /** Why that precision, in words for the user. */
  readonly precisionReason: string;
  /**
   * Why moco's own kernels for the CPU (BatchNorm, and convolutions in bf16) are not used, in words for
   * the user; empty where they are. Without them the CPU computes more slowly.
   */
  readonly cpuKernelsUnavailable: string;
  /** Where training views are made: `cpu`, or the device that computes. */
  readonly viewsDevice: string;
  /** Why views are made there, in words for the user. */
  readonly viewsReason: string;
  readonly computeThreads: number;
  /** Why so many, in words for the user. */
  readonly computeThreadsReason: string;
  readonly dataThreads: number;
  /** Number of parameters of one encoder. */
  readonly parameters: number;
}
