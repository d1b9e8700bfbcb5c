import { MocoError } from '../error.js';
import { FEATURE_BYTES } from '../features/featureTensors.js';
import { writeFeatureFile } from '../features/writeFeatureFile.js';
import type { NativeSearcher } from '../native/searcher.js';
import type { IndexContent, IndexDescription } from './indexTypes.js';

/** Bytes of vectors that are written at a time. */
const CHUNK = 8_388_608;

/**
 * Writes an index as a feature file.
 * @throws MocoError `ERR_MOCO_OUTPUT`, `ERR_MOCO_DATA`, `ERR_MOCO_DISPOSED`
 */
export async function saveIndex(
  path: string,
  native: Pick<NativeSearcher, 'bytesOf'>,
  { size, dims, dtype, metric }: IndexDescription,
  { meta, ...lists }: IndexContent,
): Promise<void> {
  const content = { dtype, count: size, dims, ...lists, meta: { ...meta, metric } };
  await writeFeatureFile(path, content, chunksOf(native, size, dims * FEATURE_BYTES[dtype]));
}

async function* chunksOf(
  native: Pick<NativeSearcher, 'bytesOf'>,
  size: number,
  rowBytes: number,
): AsyncGenerator<Uint8Array> {
  const atOnce = Math.max(1, Math.floor(CHUNK / rowBytes));
  for (let first = 0; first < size; first += atOnce) {
    const count = Math.min(atOnce, size - first);
    yield await native
      .bytesOf(first, count)
      .catch((error) => Promise.reject(MocoError.from(error)));
  }
}
