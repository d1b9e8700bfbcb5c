import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isError, MocoError } from '../error.js';
import {
  archiveIn,
  type CifarLayout,
  type CifarVariant,
  folderIn,
  recordBytes,
} from './cifarVariant.js';

/** The largest text that is read; the longest list of class names has 1 kB. */
const MAX_TEXT_BYTES = 1 << 16;

/**
 * Makes sure that every data file of the official data set is in `folder` and has its official size,
 * so that a wrong one is found before anything is read.
 * @throws MocoError `ERR_MOCO_DATA` naming all wrong files at once
 */
export async function requireCifarFiles(variant: CifarVariant, folder: string): Promise<void> {
  const missing: string[] = [];
  const wrong: string[] = [];
  for (const { files, recordsPerFile } of [variant.train, variant.test]) {
    for (const file of files) {
      const path = join(folder, file);
      const size = (await exists(path)) ? await fileSize(path) : undefined;
      const expected = recordsPerFile * recordBytes(variant);
      if (size === undefined) missing.push(file);
      else if (size !== expected) wrong.push(describeSize(file, size, recordsPerFile, variant));
    }
  }
  if (missing.length === 0 && wrong.length === 0) return;
  const problems = [...(missing.length > 0 ? [`missing: ${missing.join(', ')}`] : []), ...wrong];
  throw dataError(variant, `${folder} does not hold ${variant.title}: ${problems.join('; ')}`);
}

/** Whether there is anything at `path`. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw unreadable(path, cause);
  }
}

/** Bytes of a file. @throws MocoError `ERR_MOCO_DATA` where there is none */
export async function fileSize(path: string): Promise<number> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new MocoError('ERR_MOCO_DATA', `${path} is not a file`);
    return found.size;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function describeSize(
  file: string,
  size: number,
  recordsPerFile: number,
  variant: CifarVariant,
): string {
  const record = recordBytes(variant);
  const records = size / record;
  const kind = records < recordsPerFile ? 'truncated' : 'oversized';
  const held = Number.isInteger(records) ? `${records} records` : 'not a whole number of records';
  return (
    `${file} is ${kind}: ${size} bytes (${held}), ` +
    `expected ${recordsPerFile * record} (${recordsPerFile} records of ${record} bytes)`
  );
}

/**
 * Reads a text that lies beside the data. @throws Error as Node's, and where the text is too large
 */
export async function readShortText(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size <= MAX_TEXT_BYTES) return await readFile(path, 'utf8');
  throw new Error(`it has ${size} bytes, expected at most ${MAX_TEXT_BYTES}`);
}

/** The error for wrong data in the folder of a variant; its hint says how to get the right data. */
export function dataError(
  variant: CifarVariant,
  message: string,
  layout: CifarLayout = 'binary',
): MocoError {
  const folder = folderIn(variant, layout);
  const { file } = archiveIn(variant, layout);
  const hint = `Delete the folder ${folder} to have it downloaded again, or unpack ${file} in its place.`;
  return new MocoError('ERR_MOCO_DATA', message, { hint });
}

/** The error for a file that is there and cannot be read. */
export function unreadable(path: string, cause: unknown): MocoError {
  if (cause instanceof MocoError) return cause;
  // Node's message ends in the system call and the path, which we name ourselves.
  const reason = isError(cause) ? cause.message.split(',')[0] : String(cause);
  return new MocoError('ERR_MOCO_DATA', `cannot read ${path}: ${reason}`, {
    hint: 'Check its permissions and the disk.',
    cause,
  });
}
