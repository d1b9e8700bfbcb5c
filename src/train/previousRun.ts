import { access, mkdir, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { outputError } from '../formats/outputError.js';
import type { RunFiles } from './events.js';

/**
 * Moves what an earlier run with the same parameters left into a folder of its own, so that nothing
 * is overwritten: `<run>.previous.1`, `.2` and so on, next to it.
 * @returns that folder, where there was something to move
 */
export async function movePreviousRun(files: RunFiles): Promise<string | undefined> {
  const candidates = [files.results, files.model, files.directory];
  const present = await Promise.all(candidates.map(exists));
  const previous = candidates.filter((_, index) => present[index]);
  if (previous.length === 0) return undefined;
  const folder = await makeNumberedFolder(`${files.directory}.previous`);
  for (const path of previous) {
    try {
      await rename(path, join(folder, basename(path)));
    } catch (cause) {
      throw outputError(path, cause);
    }
  }
  return folder;
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
