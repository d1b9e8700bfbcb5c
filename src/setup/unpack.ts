import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { requireSpace } from '../disk/freeSpace.js';
import { MocoError } from '../error.js';
import { CACHE_SPACE_HINT } from './host.js';

const WANTED = `
import sys, zipfile
archive, target, *beginnings = sys.argv[1:]
file = zipfile.ZipFile(archive)
wanted = [entry for entry in file.infolist() if entry.filename.startswith(tuple(beginnings))]
`;

const COUNT = `${WANTED}
print(sum(entry.file_size for entry in wanted))
`;

/** Python checks the CRC of every file that it unpacks, and stays inside the target folder. */
const UNPACK = `${WANTED}
file.extractall(target, wanted)
`;

/**
 * Unpacks from a zip the files whose names start with one of `wanted`. Throws `ERR_MOCO_OUTPUT`
 * where there is too little room for them, `ERR_MOCO_LIBTORCH_MISMATCH` where the archive is damaged
 * or no zip.
 */
export async function unpack(
  python: string,
  archive: string,
  target: string,
  wanted: readonly string[],
): Promise<void> {
  const run = (program: string) => runPython(python, program, archive, target, wanted);
  const bytes = Number(await run(COUNT));
  await requireSpace(target, bytes, { what: `${archive}, unpacked,`, hint: CACHE_SPACE_HINT });
  await run(UNPACK);
}

async function runPython(
  python: string,
  program: string,
  archive: string,
  target: string,
  wanted: readonly string[],
): Promise<string> {
  try {
    const words = ['-c', program, archive, target, ...wanted];
    return (await promisify(execFile)(python, words)).stdout;
  } catch (error) {
    const output = (error as { stderr?: string }).stderr ?? '';
    const reason = output.trim().split('\n').at(-1) ?? '';
    throw new MocoError('ERR_MOCO_LIBTORCH_MISMATCH', `${archive} cannot be unpacked: ${reason}.`, {
      hint: 'Check that there is enough free disk space, and try again.',
      cause: error,
    });
  }
}
