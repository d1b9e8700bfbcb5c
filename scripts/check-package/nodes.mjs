import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

/** The oldest that is supported, and one of each line after it. */
const VERSIONS = ['20.19.0', '22.23.5', '24.22.3'];

/**
 * Folders for `PATH`, each with a `node` and nothing else: no compiler, no CMake, no make. On Linux
 * they are all that moco supports, from npm; elsewhere the one that runs this.
 */
export function nodeFolders(folder) {
  const { platform, arch, execPath, version } = process;
  mkdirSync(folder);
  if (platform !== 'linux') return [alone(execPath, join(folder, version))];
  return VERSIONS.map((wanted) => {
    const [name, prefix] = [`node-${platform}-${arch}`, join(folder, 'npm', wanted)];
    mkdirSync(prefix, { recursive: true });
    const options = ['--prefix', prefix, '--no-audit', '--no-fund'];
    run('npm', ['install', ...options, `${name}@${wanted}`], { cwd: prefix });
    return alone(join(prefix, 'node_modules', name, 'bin/node'), join(folder, wanted));
  });
}

function alone(node, folder) {
  mkdirSync(folder);
  symlinkSync(node, join(folder, 'node'));
  return folder;
}
