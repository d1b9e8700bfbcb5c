import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { flush } from './flush.js';
import { outputError } from './outputError.js';

/**
 * Writes a file so that, whatever happens, its path holds either the old content or all of the new:
 * a temporary file in the same folder, flushed, renamed, and the folder flushed.
 * @throws MocoError `ERR_MOCO_OUTPUT`; the temporary file is gone then.
 */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const suffix = randomBytes(4).toString('hex');
  const temporary = join(dirname(path), `.${basename(path)}.${suffix}.tmp`);
  try {
    await writeAndFlush(temporary, content);
    await rename(temporary, path);
    await flush(dirname(path)); // makes the rename survive a power cut
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to report
    throw outputError(path, cause);
  }
}

async function writeAndFlush(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}
