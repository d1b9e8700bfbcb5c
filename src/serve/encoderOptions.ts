import type { ServeConfig } from '../config/serveConfig.js';
import type { LoadEncoderOptions } from '../embed/loadEncoderOptions.js';

type Channels = LoadEncoderOptions['mean'];

/** How a service loads its encoder. A key that says `auto` is left to the model's file. */
export function encoderOptions(
  config: ServeConfig,
  signal: AbortSignal | undefined,
): LoadEncoderOptions {
  const { arch, stem, prefix, imageSize, cropShare, mean, std } = config;
  const { device, precision, tf32, threads, batchInvariant, maxQueue } = config;
  return {
    ...(arch !== 'auto' && { arch }),
    ...(stem !== 'auto' && { stem }),
    ...(imageSize !== 'auto' && { imageSize }),
    ...{ prefix, cropShare },
    ...{ mean: mean as Channels, std: std as Channels }, // the schema has counted them
    ...{ device, precision, tf32, threads, batchInvariant, maxQueue, signal },
  };
}
