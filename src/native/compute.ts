/** How a GPU computes; without these options, with TF32 and CUDA graphs. A CPU ignores them. */
export interface NativeGpuOptions {
  /** Whether products and convolutions in fp32 may round their factors to TF32. */
  readonly tf32: boolean;
  /** Whether every sum is added up in the same order in every run. */
  readonly deterministic: boolean;
  /** Whether training steps and feature extraction are recorded as CUDA graphs and replayed. */
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
  /** Why views are made there, in words for the user. */
  readonly viewsReason: string;
  readonly computeThreads: number;
  readonly dataThreads: number;
  /** Number of parameters of one encoder. */
  readonly parameters: number;
}
