// Shows that moco works on processors that are older than this one: runs the C++ tests and a small
// training while LibTorch and moco do without AMX, without AVX-512, and without AVX, too. Then the
// same on an emulated Haswell (AVX2, neither AVX-512 nor bf16), where an instruction that the
// processor lacks ends the process; that needs qemu's user-mode emulation.
//
//   npm run check:processors
//   npm run check:processors -- Haswell          one of avx512, avx2, default and Haswell
//   npm run check:processors -- --emulate-all    all C++ tests on the Haswell: this takes hours
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EMULATED_TESTS, UNEMULATED } from './check-processors/emulated-tests.mjs';
import { root } from './run-tool.mjs';
import { onlyFiles, withoutTests } from './test/nativeSelection.mjs';

const TESTS = join(root, 'build/native/Release/moco_tests');

/** As the package for Debian and Ubuntu, or a build of one's own, calls the emulator. */
const EMULATORS = ['qemu-x86_64-static', 'qemu-x86_64'];

/** Without what concerns operating systems only, and what the emulator warns that it lacks. */
const HASWELL = 'Haswell-noTSX,pcid=off,x2apic=off,tsc-deadline=off,invpcid=off';

/** So few pictures that an emulated processor is done with them in minutes. */
const DATA = ['--dataset=shapes', '--train-limit=4', '--test-limit=2', '--arch=resnet18', '--k=1'];
const RUN = ['--feature-dim=16', '--m=4', '--batch-size=2', '--epochs=1'];
const THREADS = ['--threads=1', '--data-threads=1'];

// A processor is how a program is started on it, which files of C++ tests run (absent: all), in which
// precisions a model is trained, and whether moco's own kernels are there (absent: they are not).

/** This one, with LibTorch and moco held to the instructions that this name stands for. */
const limited = (capability) => ({
  name: capability,
  env: { ATEN_CPU_CAPABILITY: capability },
  wrap: (words) => words,
  tests: undefined,
  excluded: [],
  precisions: ['fp32', 'auto'],
});

/** This one without AMX: moco's own kernels are there, and are those for AVX-512. */
const withoutAmx = {
  ...limited('avx512'),
  env: { ONEDNN_MAX_CPU_ISA: 'AVX512_CORE_BF16' },
  hasKernels: true,
};

/** One that lacks what it lacks. */
const haswell = (emulator) => ({
  name: 'Haswell',
  // Threads that spin while they wait for each other take the time that the emulation needs.
  env: { OMP_WAIT_POLICY: 'passive' },
  wrap: (words) => [emulator, '-cpu', HASWELL, ...words],
  tests: process.argv.includes('--emulate-all') ? undefined : EMULATED_TESTS,
  excluded: UNEMULATED,
  precisions: ['auto'],
});

/** Runs a program on a processor; returns what it prints, if that is piped. */
function run({ env, wrap }, words, stdio) {
  const [program, ...args] = wrap(words);
  const options = { cwd: root, env: { ...process.env, ...env }, encoding: 'utf8', stdio };
  const { status, signal, error, stdout } = spawnSync(program, args, options);
  if (error) throw error;
  if (status !== 0) throw new Error(`${words.join(' ')} ended with ${signal ?? status}, see above`);
  return stdout;
}

/** Runs a command of moco; returns the objects that it prints. */
function moco(processor, words) {
  const command = [process.execPath, join(root, 'bin/moco.js'), ...words, '--json'];
  const lines = run(processor, command, ['ignore', 'pipe', 'inherit']).trim().split('\n');
  return lines.map((line) => JSON.parse(line));
}

/** Trains for an epoch, goes on for another, and measures what was learned; returns the precision. */
function train(processor, precision) {
  const out = mkdtempSync(join(tmpdir(), 'moco-processors-'));
  try {
    const settings = [...DATA, ...RUN, ...THREADS, `--precision=${precision}`, `--out=${out}`];
    const [{ description }, ...events] = moco(processor, ['train', ...settings]);
    if (description.cpuKernelsUnavailable === '' && !processor.hasKernels) {
      throw new Error(`${processor.name}: moco's own kernels for AVX-512 are used`);
    }
    const { model, directory } = events.at(-1).files;
    moco(processor, ['train', `--resume=${directory}`, '--epochs=2']);
    moco(processor, ['knn', `--model-path=${model}`, ...DATA, '--threads=1']);
    return description.precision;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** The options by which the C++ tests that run on a processor are selected. */
function selection({ tests, excluded }) {
  return [...(tests ? onlyFiles(tests.map((file) => `*/${file}`)) : []), ...withoutTests(excluded)];
}

function check(processor) {
  const started = performance.now();
  run(processor, [TESTS, ...selection(processor)], 'inherit');
  const trained = processor.precisions.map((precision) => train(processor, precision));
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(
    `check:processors: ${processor.name}: ${processor.tests ? 'selected' : 'all'} C++ tests pass; ` +
      `training, going on and kNN work in ${trained.join(' and ')}; ${seconds} s`,
  );
}

function checkHaswell() {
  const emulator = EMULATORS.find((program) => !spawnSync(program, ['--version']).error);
  if (emulator) return check(haswell(emulator));
  console.log(
    'check:processors: Haswell: SKIPPED, there is no qemu-x86_64 ' +
      '(Debian and Ubuntu: apt install qemu-user-static)',
  );
}

const CHECKS = {
  avx512: () => check(withoutAmx),
  avx2: () => check(limited('avx2')),
  default: () => check(limited('default')),
  Haswell: checkHaswell,
};

if (process.arch !== 'x64') {
  console.log('check:processors: SKIPPED, it is about x86 processors');
} else {
  const names = process.argv.slice(2).filter((word) => !word.startsWith('-'));
  for (const name of names.length > 0 ? names : Object.keys(CHECKS)) {
    if (!Object.hasOwn(CHECKS, name))
      throw new Error(`${name} is none of avx512, avx2, default, Haswell`);
    CHECKS[name]();
  }
}
