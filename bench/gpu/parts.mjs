// What the parts of a measurement do, in the order of worth: what comes late may find no time left.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findCommand, thisHost } from '../../dist/setup/host.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The C++ tests of what runs on GPUs only, or runs there in another way; the first two are of kernels. */
const KERNEL_TESTS = ['ops/cuda_batch_norm_test.cc', 'input/make_views_test.cc'];
const GPU_TESTS = [
  ...KERNEL_TESTS,
  'model/folded_convolution_test.cc',
  'model/folded_backbone_test.cc',
  'ops/pointwise_batch_norm_test.cc',
];

/** Of the seconds of `train`, so many are for its start and its last checkpoint. */
const TRAIN_OVERHEAD = 40;

/** Of the seconds of a whole `train` alone, so many are for the build. */
const TRAIN_BUILD = 600;

/**
 * Reads the command line of part.mjs.
 * @returns the part's steps, as `secondsFor` and part.mjs take them, the seconds that it may take, where
 *   it writes, and the setting: `{ device, python }`
 */
export function readPart(args) {
  const text = (fallback) => ({ type: 'string', default: fallback });
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...{ out: { type: 'string' }, seconds: text('530'), minutes: { type: 'string' } },
      ...{ python: text('python3'), 'data-root': text('data'), select: text('') },
      smoke: { type: 'boolean', default: false },
    },
  });
  const [name, ...flags] = positionals;
  const device = values.smoke ? 'cpu' : 'cuda';
  const setting = { ...values, device, flags };
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  const seconds = minutes === undefined ? Number(values.seconds) : TRAIN_BUILD + 60 * minutes;
  return { steps: PARTS[name](setting), seconds, out: values.out, setting };
}

const PARTS = { check, kernels, compare, tests: testsAlone, table: tableAlone, train: trainAlone };

function check(setting) {
  return [
    // Beside the build and the first tests: it takes minutes, hardly uses the GPU, and is kept for the part
    // that compares.
    { ...compile(setting), until: 'ceilings' },
    build(setting),
    { name: 'doctor', least: 5, most: 60, command: () => [process.execPath, moco, 'doctor'] },
    tests(setting, 'tests', { least: 20, most: 100, files: GPU_TESTS }),
    sanitizer('memcheck', { PYTORCH_NO_CUDA_MEMORY_CACHING: '1' }),
    sanitizer('racecheck'),
    kernelsOf(setting, 'ceilings', { least: 15, most: 40 }),
    table(setting, 'steps', 'ours', { least: 60, most: 220 }),
    tests(setting, 'other-tests', { least: 20, most: 240, but: GPU_TESTS }),
  ];
}

function kernels(setting) {
  const [first, second] = setting.smoke ? [4, 8] : [256, 512];
  const all = (batch) => [
    kernelsOf(setting, 'batch_norm', { least: 20, most: 90, batch }),
    kernelsOf(setting, 'convolutions', { least: 30, most: 150, batch }),
    kernelsOf(setting, 'folded', { least: 20, most: 100, batch }),
  ];
  return [build(setting), ...all(first), profile(setting), ...all(second)];
}

function compare(setting) {
  return [
    build(setting),
    compile(setting),
    table(setting, 'table', 'best', { least: 60, most: 260 }),
    train(setting),
  ];
}

function testsAlone(setting) {
  return [build(setting), tests(setting, 'tests', { least: 20 })];
}

function tableAlone(setting) {
  return [build(setting), compile(setting), table(setting, 'table', 'all', { least: 60 })];
}

function trainAlone(setting) {
  return [build(setting), train(setting)];
}

const moco = join(root, 'bin/moco.js');
const program = (name) => join(root, 'build/native/Release', name);
const script = (name, ...args) => [process.execPath, join(root, 'bench/gpu', name), ...args];

/** The flags that a script of ours takes from the setting. */
function common({ out, device, smoke }) {
  const flags = ['--out', out, '--device', device];
  return smoke ? [...flags, '--smoke'] : flags;
}

function tableFlags(setting) {
  return [...common(setting), '--python', setting.python];
}

function build({ out }) {
  const command = () => script('build.mjs', '--out', out);
  return { name: 'build', least: 5, essential: true, command };
}

function compile(setting) {
  const command = () => ['nice', ...script('table.mjs', ...tableFlags(setting), '--compile-only')];
  const unavailable = () => (setting.smoke ? 'a GPU compiles' : undefined);
  return { name: 'compile', least: 20, most: 170, command, unavailable };
}

/** Some of the files of C++ tests: those named, or all but those. */
function tests({ out, smoke, select }, name, { files = [], but = [], ...limits }) {
  const chosen = files.flatMap((file) => ['--file', file]);
  const others = but.flatMap((file) => ['--but', file]);
  const selected = smoke && but.length > 0 ? 'base/' : select; // all of them take minutes on a CPU
  const args = ['--out', out, '--name', name, '--select', selected, ...chosen, ...others];
  const command = (seconds) => script('tests.mjs', ...args, '--seconds', `${seconds}`);
  return { name, ...limits, command };
}

/** NVIDIA's checks of memory accesses (`memcheck`) and of races between threads (`racecheck`). */
function sanitizer(tool, env) {
  const files = KERNEL_TESTS.map((file) => `*/${file}`).join(',');
  const path = ['compute-sanitizer', '/usr/local/cuda/bin/compute-sanitizer']
    .map((name) => findCommand(name, thisHost().env))
    .find((found) => found !== undefined);
  return {
    ...{ name: tool, least: 20, most: 60, env },
    command: () => [
      path,
      '--tool',
      tool,
      '--error-exitcode',
      '9',
      program('moco_tests'),
      `--source-file=${files}`,
    ],
    unavailable: () => (path ? undefined : 'there is no compute-sanitizer'),
  };
}

function kernelsOf(setting, kind, { batch = 256, ...limits }) {
  const name = kind === 'ceilings' ? kind : `${kind.replace('_', '-')}-${batch}`;
  const args = ['--name', name, '--kind', kind, '--batch', `${batch}`];
  return { name, ...limits, command: () => script('kernels.mjs', ...common(setting), ...args) };
}

function profile(setting) {
  const command = () => script('profile.mjs', ...common(setting));
  return { name: 'profile', least: 30, most: 90, command };
}

/** Contestants: `ours`, the `best` of PyTorch and ours, or `all`. */
function table(setting, name, contestants, limits) {
  const args = [...tableFlags(setting), '--name', name, '--contestants', contestants];
  const command = (seconds) => script('table.mjs', ...args, '--seconds', `${seconds}`);
  return { name, ...limits, command };
}

function train(setting) {
  const { out, smoke, flags } = setting;
  const command = (seconds) => {
    const minutes = smoke ? 0.3 : Math.max(0.5, (seconds - TRAIN_OVERHEAD) / 60);
    const own = ['--minutes', `${setting.minutes ?? minutes}`, '--data-root', setting['data-root']];
    const kept = join(root, 'build/gpu-run');
    return script(
      'train.mjs',
      '--out',
      out,
      '--run',
      kept,
      ...own,
      '--',
      ...(smoke ? TINY : []),
      ...flags,
    );
  };
  return { name: 'train', least: smoke ? 20 : 120, command };
}

/** A run that a CPU can do. */
const TINY = [
  ...['--device', 'cpu', '--dataset', 'shapes', '--arch', 'resnet18', '--train-limit', '64'],
  ...['--test-limit', '32', '--batch-size', '16', '--m', '64', '--k', '10'],
];
