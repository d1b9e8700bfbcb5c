import { basename } from 'node:path';
import { checksumOf } from '../download/checksum.js';
import type { EncoderDescription } from '../embed/encoder.js';
import { MocoError } from '../error.js';
import type { SearchIndex } from './searchIndex.js';

type Output = keyof EncoderDescription['dims'];

/** What of an encoder gave the features of an index, and is to give its queries. */
export function outputOf({ meta }: Pick<SearchIndex, 'meta'>): Output {
  return meta.output ?? 'features';
}

/**
 * Makes sure that an encoder's queries can be compared with an index.
 * @throws MocoError `ERR_MOCO_CONFIG` where they have other lengths
 */
export function requireFit(
  index: Pick<SearchIndex, 'dims' | 'meta'>,
  { model, dims }: EncoderDescription,
): void {
  const output = outputOf(index);
  const length = dims[output];
  if (length === index.dims) return;
  const ours = length === undefined ? `has no ${output}` : `gives ${output} of ${length}`;
  throw new MocoError(
    'ERR_MOCO_CONFIG',
    `the index has ${output} of ${index.dims} numbers, and ${basename(model.path)} ${ours}`,
    { hint: 'Make an index with this model: moco embed --out features.safetensors' },
  );
}

/** What a user should know of an index whose file says that another model has made it. */
export async function indexNotices(
  { meta: { model } }: Pick<SearchIndex, 'meta'>,
  { model: { path } }: EncoderDescription,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  if (model === undefined || (await checksumOf(path, 'sha256', signal)) === model.sha256) return [];
  return [`the index has features of ${model.name}, which is another file than ${basename(path)}`];
}
