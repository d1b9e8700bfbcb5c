// Shows that moco works on processors that are older than this one: runs the C++ tests and a small
// training while LibTorch and moco do without AVX-512, and while they do without AVX, too. Then the
// same on an emulated Haswell (AVX2, neither AVX-512 nor bf16), where an instruction that the
// processor lacks ends the process; that needs qemu's user-mode emulation.
//
//   npm run check:processors
//   npm run check:processors -- --emulate-all    all C++ tests on the Haswell: this takes hours
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EMULATED_TESTS } from './check-processors/emulated-tests.mjs';
import { root } from './run-tool.mjs';

const TESTS = join(root, 'build/native/Release/moco_tests');

/** As the package for Debian and Ubuntu, or a build of one's own, calls the emulator. */
const EMULATORS = ['qemu-x86_64-static', 'qemu-x86_64'];

/** So few pictures that an emulated processor is done with them in minutes. */
const DATA = ['--dataset=shapes', '--train-limit=4', '--test-limit=2', '--arch=resnet18', '--k=1'];
const RUN = ['--feature-dim=16', '--m=4', '--batch-size=2', '--epochs=1'];
const THREADS = ['--threads=1', '--data-threads=1'];

// A processor is how a program is started on it, which C++ tests run (absent: all), and in which
// precisions a model is trained.

/** This one, with LibTorch and moco held to the instructions that this name stands for. */
const limited = (capability) => ({
  name: `with ATEN_CPU_CAPABILITY=${capability}`,
  env: { ATEN_CPU_CAPABILITY: capability },
  wrap: (words) => words,
  precisions: ['fp32', 'auto'],
});

/** One that lacks what it lacks. */
const haswell = (emulator) => ({
  name: 'on an emulated Haswell',
  // Threads that spin while they wait for each other take the time that the emulation needs.
  env: { OMP_WAIT_POLICY: 'passive' },
  wrap: (words) => [emulator, '-cpu', 'Haswell', ...words],
  tests: process.argv.includes('--emulate-all') ? undefined : EMULATED_TESTS,
  precisions: ['auto'],
});

/** Runs a program on a processor. */
function run({ env, wrap }, words, options = {}) {
  const [program, ...args] = wrap(words);
  const settings = { cwd: root, env: { ...process.env, ...env }, encoding: 'utf8', ...options };
  const { status, signal, error, stdout } = spawnSync(program, args, settings);
  if (error) throw error;
  if (status !== 0) throw new Error(`${words.join(' ')} ended with ${signal ?? status}, see above`);
  return stdout;
}

/** Runs a command of moco; returns the objects that it prints. */
function moco(processor, words) {
  const command = [process.execPath, join(root, 'bin/moco.js'), ...words, '--json'];
  const output = run(processor, command, { stdio: ['ignore', 'pipe', 'inherit'] });
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Trains for an epoch, goes on for another, and measures what was learned. */
function train(processor, precision) {
  const out = mkdtempSync(join(tmpdir(), 'moco-processors-'));
  try {
    const settings = [...DATA, ...RUN, ...THREADS, `--precision=${precision}`, `--out=${out}`];
    const [start, ...events] = moco(processor, ['train', ...settings]);
    if (start.description.cpuKernelsUnavailable === '') {
      throw new Error(`${processor.name} moco's own kernels for AVX-512 are used`);
    }
    const { model, directory } = events.at(-1).files;
    moco(processor, ['train', `--resume=${directory}`, '--epochs=2']);
    moco(processor, ['knn', `--model-path=${model}`, ...DATA, '--threads=1']);
    return start.description;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

function check(processor) {
  const started = performance.now();
  const selection = processor.tests?.map((file) => `*/${file}`).join(',');
  run(processor, [TESTS, ...(selection ? [`--source-file=${selection}`] : [])], {
    stdio: 'inherit',
  });
  const trained = processor.precisions.map((precision) => train(processor, precision).precision);
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(
    `check:processors: ${processor.name} ${processor.tests ? 'selected' : 'all'} C++ tests, ` +
      `training, going on and kNN in ${trained.join(' and ')} work, in ${seconds} s`,
  );
}

if (process.arch !== 'x64') {
  console.log('check:processors: SKIPPED, it is about x86 processors');
} else {
  for (const capability of ['avx2', 'default']) check(limited(capability));
  const emulator = EMULATORS.find((program) => !spawnSync(program, ['--version']).error);
  if (emulator) check(haswell(emulator));
  else {
    console.log(
      'check:processors: SKIPPED on an emulated Haswell: there is no qemu-x86_64 (Debian and Ubuntu: ' +
        'apt install qemu-user-static)',
    );
  }
}
