// Runs the tests that `setup.mjs --tests` compiled: those in C++, then those in TypeScript.
//
//   npm test                                  all
//   npm test -- knn                           files whose path contains "knn"
//   npm test -- --test-name-pattern=queue     options go to Node's test runner
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onlyFiles } from './test/nativeSelection.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const options = args.filter((arg) => arg.startsWith('-'));
const filters = args.filter((arg) => !arg.startsWith('-'));

/** Files below a folder that the filters select. */
function select(folder, suffix) {
  return readdirSync(join(root, folder), { recursive: true })
    .filter((file) => file.endsWith(suffix))
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .map((file) => join(folder, file))
    .sort();
}

function runNative(files) {
  const program = join(root, 'build/native/Release/moco_tests');
  const selection = onlyFiles(files.map((file) => `*${file}`));
  // As the addon's loader sets it: threads that spin for long take the core that another one needs.
  const env = { GOMP_SPINCOUNT: '2000', ...process.env };
  return run(program, filters.length > 0 ? selection : [], env);
}

/**
 * Runs test files, each given by its name, because Node 20 takes no patterns: as many at a time as there are
 * cores, since many of them wait for others most of the time. What failed is told again at the end, also
 * where the output is no terminal.
 */
function runTypeScript(files) {
  const reporters = ['spec', './scripts/test/slowest.mjs'].flatMap((reporter) => [
    `--test-reporter=${reporter}`,
    '--test-reporter-destination=stdout',
  ]);
  const together = `--test-concurrency=${availableParallelism()}`;
  const words = ['--enable-source-maps', '--test', together, ...reporters, ...options, ...files];
  return run(process.execPath, words);
}

function run(program, programArgs, env = process.env) {
  const { status, signal, error } = spawnSync(program, programArgs, {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  if (error) throw error;
  if (signal) process.stderr.write(`${program} was ended by ${signal}\n`);
  return status ?? 1;
}

const native = select('native/test', '_test.cc');
const typeScript = select('build/test', '.test.js');
const results = [];
if (native.length > 0) results.push(runNative(native));
if (typeScript.length > 0) results.push(runTypeScript(typeScript));
if (results.length === 0) process.stderr.write(`no test file matches ${filters.join(', ')}\n`);
process.exitCode = results.length > 0 && results.every((exitCode) => exitCode === 0) ? 0 : 1;
