import type { FileHandle } from 'node:fs/promises';

/** Writes all bytes to a place in a file. */
export async function writeAll(
  file: FileHandle,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/**
 * Fills `bytes` with what lies in a file from a place on.
 * @returns how many bytes there were
 */
export async function readAll(
  file: FileHandle,
  bytes: Uint8Array,
  position: number,
): Promise<number> {
  for (let done = 0; ; ) {
    if (done === bytes.length) return done;
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) return done;
    done += bytesRead;
  }
}
