/** What every double says of where and how it computes. */
export const DOUBLE_DESCRIPTION = {
  device: 'cpu',
  deviceName: 'double',
  precision: 'fp32',
  precisionReason: 'as asked',
  cpuKernelsUnavailable: '',
  viewsDevice: 'cpu',
  viewsReason: 'the CPU trains',
  computeThreads: 1,
  computeThreadsReason: 'one for each core',
  dataThreads: 1,
  parameters: 1000,
} as const;
