import { type FileHandle, open } from 'node:fs/promises';

/** Waits until a file, or a folder's list of names, is on the disk, as `flushHandle` does. */
export async function flush(path: string): Promise<void> {
  if (process.platform === 'win32') return; // neither can be flushed there without writing to it
  const handle = await open(path);
  try {
    await flushHandle(handle);
  } finally {
    await handle.close();
  }
}

let hasWarned = false;

/**
 * Waits until what was written to a file is on the disk. Node's permission model allows that nowhere,
 * from Node 24 on: there this warns once, and the system writes the file in its own time.
 */
export async function flushHandle(handle: FileHandle): Promise<void> {
  try {
    await handle.sync();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_ACCESS_DENIED') throw error;
    if (!hasWarned) warn();
    hasWarned = true;
  }
}

function warn(): void {
  process.emitWarning("Node's permission model does not let moco wait for the disk (fsync)", {
    code: 'MOCO_NOT_FLUSHED',
    detail: 'After a power cut, the newest files may be incomplete.',
  });
}
