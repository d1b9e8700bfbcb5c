import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { dataError, fileSize, requireCifarFiles, unreadable } from './cifarFolder.js';
import { readMarker } from './cifarMarker.js';
import { type CifarVariant, fileIn, recordBytes } from './cifarVariant.js';
import type { SplitCounts } from './dataset.js';
import type { CifarCopy } from './findCifar.js';
import { countPythonRecords } from './pythonBatch.js';

/** Training files are numbered up to this at most. */
const MAX_NUMBER = 9999;

/** How many missing files a message names. */
const MAX_NAMED = 5;

/** One data file of a copy. */
export interface CifarFile {
  readonly file: string;
  readonly records: number;
}

/** The data files of a copy, in reading order. */
export interface CifarFiles {
  readonly train: readonly CifarFile[];
  readonly test: readonly CifarFile[];
}

/**
 * Finds the data files of a copy, so that a wrong one is found before anything is loaded. What moco
 * unpacked from the official archive is all of that; any other copy may have any number of training
 * files, and each of them any number of records.
 * @throws MocoError `ERR_MOCO_DATA` naming all files that are missing or have a wrong size
 */
export async function cifarFiles(variant: CifarVariant, copy: CifarCopy): Promise<CifarFiles> {
  const { folder, layout } = copy;
  const isOfficial = layout === 'binary' && (await readMarker(variant, folder)) !== undefined;
  if (isOfficial) await requireCifarFiles(variant, folder);
  const present = await namesIn(folder);
  const train = trainFiles(fileIn(layout, variant.train.files[0] as string), present);
  const test = variant.test.files.map((file) => fileIn(layout, file));
  const problems = missing([...train, ...test], present);
  const withRecords = async (file: string): Promise<CifarFile[]> => {
    if (!present.has(file)) return [];
    if (layout === 'python') {
      return [{ file, records: await countPythonRecords(variant, join(folder, file)) }];
    }
    const size = await fileSize(join(folder, file));
    const problem = wrongSize(variant, file, size);
    if (problem !== undefined) problems.push(problem);
    return [{ file, records: size / recordBytes(variant) }];
  };
  const files = { train: await each(train, withRecords), test: await each(test, withRecords) };
  if (problems.length === 0) return files;
  throw dataError(
    variant,
    `${folder} does not hold ${variant.title}: ${problems.join('; ')}`,
    layout,
  );
}

/** Pictures in the whole splits. */
export function pictureCounts({ train, test }: CifarFiles): SplitCounts {
  return { train: recordsIn(train), test: recordsIn(test) };
}

/** The files that hold the first `count` records, with how many each one gives. */
export function filesFor(files: readonly CifarFile[], count: number): CifarFile[] {
  let left = count;
  return files
    .map(({ file, records }) => {
      const taken = Math.min(records, left);
      left -= taken;
      return { file, records: taken };
    })
    .filter(({ records }) => records > 0);
}

function recordsIn(files: readonly CifarFile[]): number {
  return files.reduce((sum, { records }) => sum + records, 0);
}

async function namesIn(folder: string): Promise<Set<string>> {
  try {
    return new Set(await readdir(folder));
  } catch (cause) {
    throw unreadable(folder, cause);
  }
}

/** `first` and those that follow it where it is numbered, up to the last that is present. */
function trainFiles(first: string, present: ReadonlySet<string>): string[] {
  const [before, after] = first.split(/(?<=_)1(?=\.|$)/);
  if (before === undefined || after === undefined) return [first];
  const numbers = [...present]
    .filter((name) => name.startsWith(before) && name.endsWith(after))
    .map((name) => Number(name.slice(before.length, name.length - after.length)))
    .filter((number) => number <= MAX_NUMBER);
  const last = Math.max(1, ...numbers);
  return Array.from({ length: last }, (_, index) => `${before}${index + 1}${after}`);
}

function missing(names: readonly string[], present: ReadonlySet<string>): string[] {
  const absent = names.filter((name) => !present.has(name));
  if (absent.length === 0) return [];
  const more = absent.length > MAX_NAMED ? ` and ${absent.length - MAX_NAMED} more` : '';
  return [`missing: ${absent.slice(0, MAX_NAMED).join(', ')}${more}`];
}

function wrongSize(variant: CifarVariant, file: string, size: number): string | undefined {
  const record = recordBytes(variant);
  if (size === 0) return `${file} is empty`;
  if (size % record === 0) return undefined;
  const records = Math.floor(size / record);
  const [below, above] = [records, records + 1].map((count) => `${count * record} (${count})`);
  return (
    `${file} is damaged: ${size} bytes, expected whole records of ${record} bytes, ` +
    `such as ${below} or ${above}`
  );
}

async function each<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result[]>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(...(await work(item)));
  return results;
}
