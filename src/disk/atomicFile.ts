import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { flush, flushHandle } from './flush.js';
import { outputError } from './outputError.js';

interface AtomicOptions {
  /**
   * `false`: does not wait for the disk. After a power cut the file may then be empty; `flushFile`
   * ends that.
   */
  readonly flushes?: boolean;
}

/**
 * Writes a file so that, whatever happens, its path holds either the old content or all of the new:
 * a temporary file in the same folder, flushed, renamed, and the folder flushed.
 * @throws MocoError `ERR_MOCO_OUTPUT`; the temporary file is gone then.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  options: AtomicOptions = {},
): Promise<void> {
  await writeAtomically(path, async (file) => await file.writeFile(content), options);
}

/**
 * `writeFileAtomic` for what is written piece by piece.
 * @param write to the temporary file, which is empty
 * @throws MocoError `ERR_MOCO_OUTPUT`, or that which `write` throws
 */
export async function writeAtomically(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  { flushes = true }: AtomicOptions = {},
): Promise<void> {
  const suffix = randomBytes(4).toString('hex');
  const temporary = join(dirname(path), `.${basename(path)}.${suffix}.tmp`);
  try {
    await writeTemporary(temporary, write, flushes);
    await rename(temporary, path);
    if (flushes) await flush(dirname(path)); // makes the rename survive a power cut
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to report
    throw outputError(path, cause);
  }
}

async function writeTemporary(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  flushes: boolean,
): Promise<void> {
  await using file = await open(path, 'wx');
  await write(file);
  if (flushes) await flushHandle(file);
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
