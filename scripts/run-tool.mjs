import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The clone's folder. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs a tool of node_modules in the clone; returns its exit code. */
export function runTool(file, args) {
  const { status } = spawnSync(process.execPath, [`${root}node_modules/${file}`, ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  return status ?? 1;
}
