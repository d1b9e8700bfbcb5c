// Makes a clone ready to run: installs the packages, compiles TypeScript, finds or fetches LibTorch
// and builds the native addon. Does only what is not done yet or has changed.
//
//   node scripts/setup.mjs              what `moco` needs
//   node scripts/setup.mjs --tests      and the tests, in C++ and TypeScript
//   node scripts/setup.mjs --no-addon   packages and TypeScript only
import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileLock } from '../src/disk/lock.js';
import { checkNodeVersion } from './setup/node-version.mjs';
import { installPackages } from './setup/packages.mjs';
import { say } from './setup/run.mjs';
import { compileSources, compileTests } from './setup/typescript.mjs';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

async function setUp({ tests, addon }) {
  checkNodeVersion(process.versions.node);
  const lock = await onlySetUp();
  try {
    await installPackages(root);
    await compileSources(root);
    if (tests) await compileTests(root);
    if (addon) await setUpAddon(tests);
  } finally {
    lock.release();
  }
}

/** Waits until no other set-up of this clone runs, and keeps others waiting until it is released. */
function onlySetUp() {
  mkdirSync(join(root, 'build'), { recursive: true });
  return FileLock.wait(join(root, 'build/setup.lock'), {
    onWait: (before) => {
      if (before === 0) say('waiting for another set-up of this clone to end');
    },
  });
}

async function setUpAddon(tests) {
  const [{ setUpNative }, { thisHost }, { streamReport }] = await Promise.all(
    ['setUpNative', 'host', 'report'].map((name) => import(`../dist/setup/${name}.js`)),
  );
  const host = thisHost(whenInterrupted());
  await setUpNative(root, tests, host, streamReport(process.stderr));
}

/** Is aborted by what ends a program from outside, so that nothing half made is left. */
function whenInterrupted() {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      process.exitCode = 128 + constants.signals[signal];
      controller.abort();
    });
  }
  return controller.signal;
}

try {
  await setUp({
    tests: process.argv.includes('--tests'),
    addon: !process.argv.includes('--no-addon'),
  });
} catch (error) {
  // Errors with a code are for the user to solve; anything else is a defect, with its stack.
  if (!error.code?.startsWith('ERR_MOCO_')) throw error;
  const hint = error.hint ? `\n${error.hint}` : '';
  process.stderr.write(`\nerror: ${error.message} [${error.code}]${hint}\n`);
  process.exitCode ??= 1;
}
