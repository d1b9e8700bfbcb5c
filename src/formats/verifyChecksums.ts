import { throwIfAborted } from '../abort.js';
import { FormatError, quoted } from './formatError.js';
import { type InputFile, withInputFile } from './inputFile.js';
import type { StoredTensor, TensorFile } from './tensorFile.js';

/** How many damaged tensors an error names. */
const NAMED = 5;

/**
 * Reads all tensors that have a checksum and compares it, 1 MiB at a time.
 * @returns how many tensors have one
 * @throws MocoError `ERR_MOCO_CHECKPOINT` naming the damaged tensors; `_ABORTED` after the signal
 */
export function verifyChecksums(
  { path, tensors }: Pick<TensorFile, 'path' | 'tensors'>,
  signal?: AbortSignal | undefined,
): Promise<number> {
  return withInputFile(path, async (file) => {
    const intact = new Map<StoredTensor['storage'], boolean>();
    const checked = tensors.filter(({ storage }) => storage.crc32 !== undefined);
    for (const { storage } of checked) {
      throwIfAborted(signal, `reading ${path}`);
      if (!intact.has(storage)) intact.set(storage, await isIntact(file, storage));
    }
    const damaged = checked.filter(({ storage }) => !intact.get(storage));
    if (damaged.length > 0) throw damage(damaged, tensors.length);
    return checked.length;
  });
}

async function isIntact(
  file: InputFile,
  { offset, bytes, crc32 }: StoredTensor['storage'],
): Promise<boolean> {
  return (await file.crc32(offset, bytes)) === crc32;
}

function damage(damaged: readonly StoredTensor[], tensors: number): FormatError {
  const names = damaged.slice(0, NAMED).map(({ name }) => quoted(name));
  const more = damaged.length > NAMED ? ' …' : '';
  const message = `the checksum of ${damaged.length} of ${tensors} tensors is wrong: ${names.join(', ')}${more}`;
  return new FormatError(message, 'The file is damaged: take another copy of it.');
}
