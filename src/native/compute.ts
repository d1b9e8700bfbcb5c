/** How a GPU computes; where absent, with TF32 and CUDA graphs. A CPU does not ask. */
export interface NativeGpuOptions {
  /** Products and convolutions in fp32 round their factors to TF32. */
  readonly tf32: boolean;
  /** Only in orders that do not change from run to run. */
  readonly deterministic: boolean;
  /** Records training steps and extraction, to give each to the GPU in one piece. */
  readonly cudaGraph: boolean;
}

/** What the addon decided: where and how it computes. */
export interface NativeDescription {
  /** `cpu` or `cuda:<n>`. */
  readonly device: string;
  readonly deviceName: string;
  readonly precision: 'fp32' | 'bf16';
  /** Why that precision, in words for the user. */
  readonly precisionReason: string;
  /** Where training views are made: `cpu`, or the device that computes. */
  readonly viewsDevice: string;
  /** Why there, in words for the user. */
  readonly viewsReason: string;
  readonly computeThreads: number;
  readonly dataThreads: number;
  /** Parameters of one encoder. */
  readonly parameters: number;
}
