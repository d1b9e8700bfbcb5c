import { access, mkdir, rename, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { outputError } from '../disk/outputError.js';

/** Files of an earlier run that were moved out of the way of a new run with the same names. */
export interface PreviousRun {
  /** Where they are. */
  readonly folder: string;
  /** Where they were. */
  readonly paths: string[];
}

/**
 * Moves what an earlier run with the same names left into a folder of its own, so that nothing is
 * overwritten: `<run>.previous.1`, `.2` and so on.
 * @param run path that the run's files have in common
 * @param candidates what the run will write
 * @returns undefined where there was nothing to move
 * @throws MocoError `ERR_MOCO_OUTPUT`; everything is where it was then.
 */
export async function movePreviousRun(
  run: string,
  candidates: readonly string[],
): Promise<PreviousRun | undefined> {
  const present = await Promise.all(candidates.map(exists));
  const found = candidates.filter((_, index) => present[index]);
  if (found.length === 0) return undefined;
  const folder = await makeNumberedFolder(`${run}.previous`);
  const previous: PreviousRun = { folder, paths: [] };
  for (const path of found) {
    try {
      await rename(path, join(folder, basename(path)));
      previous.paths.push(path);
    } catch (cause) {
      await restorePreviousRun(previous);
      throw outputError(path, cause);
    }
  }
  return previous;
}

/**
 * Moves the files back after a failure. Never fails itself, since that failure is the one to
 * report: what cannot be moved back stays in its folder.
 */
export async function restorePreviousRun({ folder, paths }: PreviousRun): Promise<void> {
  for (const path of paths) await rename(join(folder, basename(path)), path).catch(() => {});
  await rmdir(folder).catch(() => {});
}

async function makeNumberedFolder(prefix: string): Promise<string> {
  for (let number = 1; ; number++) {
    const folder = `${prefix}.${number}`;
    try {
      await mkdir(folder);
      return folder;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw outputError(folder, cause);
    }
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
