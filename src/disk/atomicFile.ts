import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { flush } from './flush.js';
import { outputError } from './outputError.js';

/**
 * Writes a file so that, whatever happens, its path holds either the old content or all of the new:
 * a temporary file in the same folder, flushed, renamed, and the folder flushed.
 * @param options.flushes `false`: does not wait for the disk. After a power cut the file may then be
 * empty; `flushFile` ends that.
 * @throws MocoError `ERR_MOCO_OUTPUT`; the temporary file is gone then.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  { flushes = true }: { readonly flushes?: boolean } = {},
): Promise<void> {
  const suffix = randomBytes(4).toString('hex');
  const temporary = join(dirname(path), `.${basename(path)}.${suffix}.tmp`);
  try {
    await writeFile(temporary, content, { flag: 'wx' });
    if (flushes) await flush(temporary);
    await rename(temporary, path);
    if (flushes) await flush(dirname(path)); // makes the rename survive a power cut
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to report
    throw outputError(path, cause);
  }
}

/**
 * Waits until a file that was written without waiting for the disk would survive a power cut.
 * @throws MocoError `ERR_MOCO_OUTPUT`
 */
export async function flushFile(path: string): Promise<void> {
  try {
    await flush(path);
    await flush(dirname(path));
  } catch (cause) {
    throw outputError(path, cause);
  }
}
