import { chmodSync, existsSync, lstatSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SetupFailure } from './failure.mjs';
import { run, say } from './run.mjs';

/** Installs the packages that package-lock.json names, unless they are there; works offline then. */
export async function installPackages(root) {
  if (!isInstalled(root)) {
    say('packages: installing');
    await npmCi(root);
  }
  linkExecutable(root);
}

/** Whether node_modules has what package-lock.json names, in that version. */
function isInstalled(root) {
  // npm writes this file last, so that without it an installation was interrupted.
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return false;
  const { packages } = readJson(join(root, 'package-lock.json'));
  return Object.entries(packages).every(([folder, { version, optional }]) => {
    if (folder === '') return true;
    const file = join(root, folder, 'package.json');
    // An optional package may be one for another platform.
    return existsSync(file) ? readJson(file).version === version : optional === true;
  });
}

async function npmCi(root) {
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  const npm = process.env.npm_execpath;
  // Under `npm start` this names the npm that runs this script. Other package managers set it, too.
  const exitCode = basename(npm ?? '').startsWith('npm-cli.')
    ? await run(process.execPath, [npm, ...args], root)
    : await run('npm', args, root);
  if (exitCode === 0) return;
  throw new SetupFailure(
    `The packages could not be installed: npm ci ended with exit code ${exitCode}; see above.`,
    'Installing them needs the network once. Run this again when it is there.',
  );
}

/** Makes `npx moco` in the clone run this package, and never one of that name from elsewhere. */
function linkExecutable(root) {
  const executable = join(root, 'bin/moco.js');
  chmodSync(executable, 0o755);
  const link = join(root, 'node_modules/.bin/moco');
  if (existsSync(link)) return;
  if (lstatSync(link, { throwIfNoEntry: false })) rmSync(link);
  symlinkSync('../../bin/moco.js', link);
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
