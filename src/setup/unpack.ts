import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { MocoError } from '../error.js';

/** Python checks the CRC of every file that it unpacks, and stays inside the target folder. */
const UNPACK = `
import sys, zipfile
archive, target, *wanted = sys.argv[1:]
with zipfile.ZipFile(archive) as file:
    file.extractall(target, [name for name in file.namelist() if name.startswith(tuple(wanted))])
`;

/**
 * Unpacks from a zip the files whose names start with one of `wanted`. Throws
 * `ERR_MOCO_LIBTORCH_MISMATCH` where the archive is damaged or no zip.
 */
export async function unpack(
  python: string,
  archive: string,
  target: string,
  wanted: readonly string[],
): Promise<void> {
  try {
    await promisify(execFile)(python, ['-c', UNPACK, archive, target, ...wanted]);
  } catch (error) {
    const output = (error as { stderr?: string }).stderr ?? '';
    const reason = output.trim().split('\n').at(-1) ?? '';
    throw new MocoError('ERR_MOCO_LIBTORCH_MISMATCH', `${archive} cannot be unpacked: ${reason}.`, {
      hint: 'Check that there is enough free disk space, and try again.',
      cause: error,
    });
  }
}
