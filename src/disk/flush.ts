import { open } from 'node:fs/promises';

/** Waits until a file, or a folder's list of names, is on the disk. */
export async function flush(path: string): Promise<void> {
  if (process.platform === 'win32') return; // neither can be flushed there without writing to it
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
