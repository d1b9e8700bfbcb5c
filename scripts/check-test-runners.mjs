// Uses the package from tests in Jest and Vitest, as their users do: two files train at once, and two
// more are still training when their time is over. Each runner must end by itself, with exactly
// those failures.
//
//   npm run check:runners                       needs the npm registry, and some minutes
//   npm run check:runners -- threads            those whose name contains "threads"
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testFiles } from './check-test-runners/test-files.mjs';

const JEST = 'jest@30.5.2';
const VITEST = 'vitest@4.1.12';

/** A runner that has not ended after so many milliseconds hangs. */
const HANGS = 240_000;

const root = fileURLToPath(new URL('..', import.meta.url));
const filters = process.argv.slice(2);

const jest = (...options) => [
  '--experimental-vm-modules',
  'node_modules/jest/bin/jest.js',
  '--json',
  ...options,
];
const vitest = (pool) => [
  'node_modules/vitest/vitest.mjs',
  'run',
  '--reporter=json',
  '--pool',
  pool,
];

const RUNS = {
  'jest, two processes': jest('--maxWorkers=2'),
  // A run that nobody stops keeps a process open, and Jest waits for that unless it is told not to.
  'jest, one process': jest('--runInBand', '--forceExit'),
  'jest, open handles': jest('--detectOpenHandles', '--forceExit'),
  'vitest, forks': vitest('forks'),
  'vitest, threads': vitest('threads'),
  'vitest, vmForks': vitest('vmForks'),
  'vitest, vmThreads': vitest('vmThreads'),
};

const folder = mkdtempSync(join(tmpdir(), 'moco-runners-'));
try {
  makeProject();
  const names = Object.keys(RUNS).filter(
    (name) => filters.length === 0 || filters.some((filter) => name.includes(filter)),
  );
  if (names.length === 0) throw new Error(`no run is called ${filters.join(', ')}`);
  const problems = names.map((name) => report(name, check(RUNS[name])));
  process.exitCode = problems.every((problem) => problem === undefined) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function makeProject() {
  for (const [name, content] of Object.entries(testFiles(folder))) {
    writeFileSync(join(folder, name), content);
  }
  const words = ['install', '--no-save', '--no-audit', '--no-fund', JEST, VITEST];
  const { status, error } = spawnSync('npm', words, { cwd: folder, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Error(`npm ${words.join(' ')} failed`);
  symlinkSync(root, join(folder, 'node_modules/moco-node'));
}

/** What is wrong with how a runner ended; undefined where nothing is. */
function check(words) {
  const options = { cwd: folder, encoding: 'utf8', timeout: HANGS, killSignal: 'SIGKILL' };
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, words, options);
  const said = `${stdout}\n${stderr}`.slice(-4000);
  if (signal) return `ended by ${signal}\n${said}`;
  const result = resultIn(stdout);
  if (!result) return `printed no result, and ended with ${status}\n${said}`;
  const { numPassedTests, numFailedTests, numTotalTestSuites } = result;
  const counts = `${numPassedTests} passed, ${numFailedTests} failed, ${status} as exit code`;
  if (counts !== '2 passed, 2 failed, 1 as exit code') return `${counts}\n${said}`;
  const failures = result.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .flatMap(({ failureMessages }) => failureMessages);
  // Vitest's stacks of time limits begin with a placeholder instead of the message.
  const isLimit = /timed out|Exceeded timeout|STACK_TRACE_ERROR/;
  const other = failures.find((message) => !isLimit.test(message));
  if (other !== undefined)
    return `a failure that is no time limit, of ${numTotalTestSuites} files: ${other}`;
  const odd = said.match(
    /Unhandled|SIG[A-Z]{3,}|exited unexpectedly|core dumped|has been destroyed/,
  );
  return odd ? `said "${odd[0]}"\n${said}` : undefined;
}

function resultIn(stdout) {
  const start = stdout.indexOf('{"num');
  if (start < 0) return undefined;
  return JSON.parse(stdout.slice(start, stdout.lastIndexOf('}') + 1));
}

function report(name, problem) {
  process.stdout.write(
    `${problem === undefined ? 'ok ' : 'BAD'}  ${name}${problem ? `: ${problem}` : ''}\n`,
  );
  return problem;
}
