import { MocoError } from '../error.js';
import { quoted } from '../formats/formatError.js';
import { findNonFinite } from '../formats/nonFinite.js';
import type { TensorFile } from '../formats/tensorFile.js';

/** How many tensors an error lists. */
const LISTED = 3;

/**
 * Makes sure that a model can be computed with.
 * @throws MocoError `ERR_MOCO_NON_FINITE` that names tensors with NaN or infinite values and says how
 * many they have, `ERR_MOCO_CHECKPOINT` where the file cannot be read; `_ABORTED` after the signal
 */
export async function requireFinite(
  source: Pick<TensorFile, 'path' | 'tensors'>,
  signal?: AbortSignal | undefined,
): Promise<void> {
  const found = await findNonFinite(source, signal);
  if (found.length === 0) return;
  const listed = found.slice(0, LISTED).map(({ name, values }) => `${values} in ${quoted(name)}`);
  const more = found.length > LISTED ? ` … (${found.length} tensors)` : '';
  throw new MocoError(
    'ERR_MOCO_NON_FINITE',
    `${source.path}: the model has values that are NaN or infinite: ${listed.join(', ')}${more}`,
    { hint: 'The training that wrote it had diverged: take the model of an earlier epoch.' },
  );
}
