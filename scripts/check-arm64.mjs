// Shows that moco works on 64-bit Arm, on a machine of another kind: cross-compiles everything against
// LibTorch for aarch64, makes the platform package, and runs under qemu's user-mode emulation C++ tests,
// and a small training by the command line, as npm installs it there. The first losses of that are
// compared with this machine's.
//
//   npm run check:arm64
//   npm run check:arm64 -- --all    all C++ tests: this takes hours
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot as root } from '../dist/packageRoot.js';
import { streamReport } from '../dist/setup/report.js';
import { makeEmulator } from './check-arm64/emulator.mjs';
import { arm64Node, installMoco } from './check-arm64/project.mjs';
import { EMULATED_TESTS, UNEMULATED } from './check-processors/emulated-tests.mjs';
import { buildPlatform } from './platform/build.mjs';
import { findCrossCompiler, hostFor, INSTALL_CROSS_TOOLS } from './platform/host.mjs';
import { pinnedLibtorch } from './platform/libtorch.mjs';
import { pack, writePackage } from './platform/package.mjs';
import { onlyFiles, withoutTests } from './test/nativeSelection.mjs';

const FOLDER = join(root, 'build/arm64');

/** Of the C++ tests by file, those of what is not the same on Arm, beside what all processors share. */
const TESTS = ['cpu_name_test.cc', 'make_views_test.cc'];

/** So few pictures that the emulated processor is done with them in minutes. */
const DATA = ['--dataset=shapes', '--train-limit=4', '--test-limit=2', '--arch=resnet18', '--k=1'];
const RUN = ['--feature-dim=16', '--m=4', '--batch-size=2', '--epochs=1', '--precision=fp32'];
const THREADS = ['--threads=1', '--data-threads=1'];

/**
 * How far losses may be apart, relative to this machine's: convolutions add up in another order, and
 * Adam's first step takes the sign of what is left of gradients near zero.
 */
const TOLERANCES = [2e-4, 2e-2];

const report = streamReport(process.stderr);

/** The objects that a command of moco prints. */
function eventsIn(output) {
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function runTests(emulate, program) {
  const isAll = process.argv.includes('--all');
  const files = [...EMULATED_TESTS, ...TESTS].map((file) => `*/${file}`);
  const selection = [...(isAll ? [] : onlyFiles(files)), ...withoutTests(UNEMULATED)];
  emulate([program, ...selection], { stdio: 'inherit' });
  return isAll ? 'all' : 'selected';
}

/** Sets up, trains, goes on and measures; returns the losses of the first steps. */
function train(moco) {
  moco(['setup']); // there is nothing to build an addon with: it takes the platform package's
  const events = eventsIn(moco(['train', ...DATA, ...RUN, ...THREADS, '--json']));
  const { model, directory } = events.at(-1).files;
  moco(['train', `--resume=${directory}`, '--epochs=2', '--json']);
  moco(['knn', `--model-path=${model}`, ...DATA, '--threads=1', '--json']);
  return lossesIn(events);
}

function lossesIn(events) {
  return events.filter(({ type }) => type === 'step').map(({ loss }) => loss);
}

/** Of the same training on this machine. */
function lossesHere(out) {
  const words = [join(root, 'bin/moco.js'), 'train', ...DATA, ...RUN, ...THREADS];
  const settings = { cwd: root, encoding: 'utf8' };
  return lossesIn(
    eventsIn(execFileSync(process.execPath, [...words, `--out=${out}`, '--json'], settings)),
  );
}

function compare(losses, expected) {
  for (const [index, tolerance] of TOLERANCES.entries()) {
    const error = Math.abs(losses[index] / expected[index] - 1);
    const text = `step ${index + 1}: loss ${losses[index]}, here ${expected[index]}`;
    report.line(`${text}, ${error.toExponential(1)} apart, of ${tolerance}`);
    if (!(error <= tolerance)) throw new Error(`losses differ: ${text}`);
  }
}

async function check(emulate) {
  const started = performance.now();
  const host = hostFor('arm64');
  const libtorch = await pinnedLibtorch(host, report);
  const products = await buildPlatform(host, libtorch, { tests: true }, report);
  const { folder } = writePackage(products, libtorch, host);
  const tests = runTests(emulate, join(products, 'moco_tests'));
  const node = await arm64Node(join(FOLDER, 'node'));
  const project = join(FOLDER, 'project');
  const program = installMoco(project, pack(folder));
  const env = { MOCO_CACHE: join(project, 'cache'), LIBTORCH: libtorch.prefix };
  const stdio = ['ignore', 'pipe', 'inherit'];
  const losses = train((words) => emulate([node, program, ...words], { cwd: project, env, stdio }));
  compare(losses, lossesHere(join(FOLDER, 'here')));
  const seconds = Math.round((performance.now() - started) / 1000);
  report.line(
    `check:arm64: compiled; ${tests} C++ tests, set-up from the platform package, training, going on ` +
      `and kNN work on an emulated processor, in ${seconds} s`,
  );
}

const emulate = process.arch === 'arm64' ? undefined : makeEmulator(join(FOLDER, 'system'));
if (process.arch === 'arm64') {
  report.line('check:arm64: SKIPPED, this is 64-bit Arm: npm test does it all');
} else if (!emulate || !findCrossCompiler()) {
  report.line(
    'check:arm64: SKIPPED, there is no cross compiler, or no emulator (Debian and Ubuntu: ' +
      `${INSTALL_CROSS_TOOLS} qemu-user-static)`,
  );
} else {
  await check(emulate);
}
