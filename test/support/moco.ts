import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '#moco/packageRoot.js';

/** The file that the command `moco` runs. */
export const executable = join(packageRoot, 'bin/moco.js');

/** Runs the command in a folder, to its end. */
export function runMoco(folder: string, words: readonly string[]) {
  // Whether an error shows its stack must not depend on who runs the tests.
  const { MOCO_DEBUG: _, ...env } = process.env;
  const options = { cwd: folder, encoding: 'utf8', env } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [executable, ...words], options);
  return { status, stdout, stderr };
}
