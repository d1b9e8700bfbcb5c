/** Length of the features of a tiny run's encoder. */
export const TINY_FEATURES = 128;

/** A training run that takes seconds on any machine. */
export const TINY_RUN = {
  dataset: 'shapes',
  trainLimit: 64,
  testLimit: 32,
  arch: 'resnet18',
  width: 0.25,
  featureDim: 16,
  m: 32,
  k: 5,
  batchSize: 16,
  epochs: 2,
  device: 'cpu',
  threads: 1, // on a busy machine, several compute threads mostly wait for each other
} as const;
