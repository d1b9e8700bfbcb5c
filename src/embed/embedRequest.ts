import { basename } from 'node:path';
import type { EmbedConfig } from '../config/embedConfig.js';
import { checksumOf } from '../download/checksum.js';
import { MocoError } from '../error.js';
import { FEATURE_VERSION, type FeatureMeta } from '../features/featureMeta.js';
import type { FeatureRows } from '../features/featureTensors.js';
import type { EmbedListener } from './embedEvents.js';
import type { EmbedSource } from './embedSource.js';
import type { Encoder, EncoderDescription } from './encoder.js';
import type { OutputFiles } from './outputFiles.js';

/** What a run is of. */
export interface EmbedRequest {
  /** As it was given, and with absolute paths. */
  readonly config: EmbedConfig;
  readonly settings: EmbedConfig;
  readonly encoder: Encoder;
  readonly source: EmbedSource;
  readonly output: OutputFiles;
  readonly onEvent: EmbedListener | undefined;
}

/** The model of a run, as a feature file names it. */
export type FeatureModel = NonNullable<FeatureMeta['model']>;

const DTYPES = { fp32: 'F32', fp16: 'F16' } as const;

/** @throws MocoError `ERR_MOCO_ABORTED` */
export async function modelOf(
  { model: { path, arch, stem } }: EncoderDescription,
  signal: AbortSignal,
): Promise<FeatureModel> {
  return { name: basename(path), arch, stem, sha256: await checksumOf(path, 'sha256', signal) };
}

/**
 * Of which numbers a row has how many.
 * @throws MocoError `ERR_MOCO_CONFIG` where the model has no projection head, which is asked for
 */
export function rowsOf({ encoder, settings }: EmbedRequest): Omit<FeatureRows, 'count'> {
  const { dims, model } = encoder.description;
  const length = dims[settings.output];
  if (length !== undefined) return { dtype: DTYPES[settings.dtype], dims: length };
  throw new MocoError('ERR_MOCO_CONFIG', `${model.path} has no projection head`, {
    hint: 'Take its features: --output features.',
  });
}

/** What a feature file says of how it was made. */
export function metaOf({ encoder, settings }: EmbedRequest, model: FeatureModel): FeatureMeta {
  const { mocoVersion, model: described } = encoder.description;
  const { output, normalize: normalized } = settings;
  const { input } = described;
  return { version: FEATURE_VERSION, mocoVersion, model, input, output, normalized };
}

/** All that the bytes of the rows depend on. */
export function keyOf(request: EmbedRequest, model: FeatureModel): string {
  const { encoder, settings, source } = request;
  const { device, deviceName, precision, libtorchVersion, batchSize, side } = encoder.description;
  const { prefix, dtype, tf32 } = settings;
  const machine = { device, deviceName, precision, tf32, libtorchVersion, batchSize };
  const pictures = { fingerprint: source.fingerprint, count: source.count, side };
  return JSON.stringify([metaOf(request, model), { prefix, dtype, ...machine, ...pictures }]);
}
