// Runs the tests that `setup.mjs --tests` compiled: those in C++, then those in TypeScript.
//
//   npm test                                  all
//   npm test -- knn                           files whose path contains "knn"
//   npm test -- --test-name-pattern=queue     options go to Node's test runner
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

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
  const selection = `--source-file=${files.map((file) => `*${file}`).join(',')}`;
  return run(program, filters.length > 0 ? [selection] : []);
}

/** Runs test files, each given by its name, because Node 20 takes no patterns. */
function runTypeScript(files) {
  return run(process.execPath, ['--enable-source-maps', '--test', ...options, ...files]);
}

function run(program, programArgs) {
  const { status, signal, error } = spawnSync(program, programArgs, {
    cwd: root,
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
