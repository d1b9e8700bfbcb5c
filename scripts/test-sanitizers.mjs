// Runs the C++ tests of the core under the compiler's sanitizers: once for addresses and undefined
// behaviour, once for data races. LibTorch itself is not instrumented.
//
//   npm run test:sanitizers                        both, all tests
//   npm run test:sanitizers -- thread              one of address and thread
//   npm run test:sanitizers -- thread atomic_file  its test files whose path contains "atomic_file"
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { thisHost } from '../dist/setup/host.js';
import { findLibtorch } from '../dist/setup/libtorch.js';
import { streamReport } from '../dist/setup/report.js';
import { root } from './run-tool.mjs';
import { onlyFiles, withoutTests } from './test/nativeSelection.mjs';

/**
 * Tests that leave no room for memory, of which sanitizers need more and give none back at once, or fork
 * a process with threads.
 */
const EXCLUDED = [
  'threads that the system refuses are an error, and no end of the process',
  'a process that may not run on all processors has the cores of the others only',
  'released memory leaves the process, whatever the size of its blocks',
];

/**
 * By name: what the compiler is told, and what the tests are run with. Every finding ends the program,
 * with a report.
 */
const SANITIZERS = {
  address: {
    flags: 'address,undefined',
    env: {
      ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1',
      UBSAN_OPTIONS: 'print_stacktrace=1',
      LSAN_OPTIONS: `suppressions=${join(root, 'scripts/test-sanitizers/leaks.txt')}`,
    },
  },
  thread: {
    flags: 'thread',
    // What LibTorch and OpenMP do is not seen, neither their accesses nor that they wait for each other.
    env: {
      TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1:ignore_noninstrumented_modules=1',
    },
  },
};

const report = streamReport(process.stderr);

function run(program, args, env = {}) {
  const options = { cwd: root, env: { ...process.env, ...env }, stdio: 'inherit' };
  const { status, signal, error } = spawnSync(program, args, options);
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ended with ${signal ?? status}, see above`);
}

/** Builds the tests, where something changed; returns the program. */
function build(name, flags, { prefix }) {
  const folder = join(root, 'build/sanitizers', name);
  const definitions = {
    MOCO_LIBTORCH: prefix,
    MOCO_BUILD_TESTS: 'ON',
    MOCO_SANITIZE: flags,
    CMAKE_BUILD_TYPE: 'RelWithDebInfo',
    // Lines in reports need no more, and O1 compiles in half the time. LibTorch's classes have members of
    // their own without NDEBUG, which its libraries lack.
    CMAKE_CXX_FLAGS_RELWITHDEBINFO: '-O1 -g1 -DNDEBUG',
  };
  const options = Object.entries(definitions).map(([key, value]) => `-D${key}=${value}`);
  run('cmake', ['-S', root, '-B', folder, ...options]);
  const parallel = process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? `${availableParallelism()}`;
  run('cmake', ['--build', folder, '--target', 'moco_tests', '--parallel', parallel]);
  return join(folder, 'Release/moco_tests');
}

function check(name, filters, libtorch) {
  const started = performance.now();
  const { flags, env } = SANITIZERS[name];
  const program = build(name, flags, libtorch);
  run(
    program,
    [
      ...(filters.length > 0 ? onlyFiles(filters.map((part) => `*${part}*`)) : []),
      ...withoutTests(EXCLUDED),
    ],
    env,
  );
  const seconds = Math.round((performance.now() - started) / 1000);
  report.line(`test:sanitizers: ${flags}: nothing found, in ${seconds} s`);
}

const [asked, ...filters] = process.argv.slice(2);
const names = Object.keys(SANITIZERS).filter((name) => asked === undefined || name === asked);
if (names.length === 0)
  throw new Error(`${asked} is none of ${Object.keys(SANITIZERS).join(', ')}`);
if (process.platform !== 'linux') {
  report.line('test:sanitizers: SKIPPED, it is about the compilers of Linux');
} else {
  const libtorch = await findLibtorch(thisHost(), report);
  for (const name of names) check(name, filters, libtorch);
}
