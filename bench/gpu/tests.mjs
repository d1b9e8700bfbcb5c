#!/usr/bin/env node
// Runs the C++ tests and `moco doctor` on a GPU; for bench/gpu.sh. Each file of tests is a process, so
// that one that crashes on the GPU hides no other.
//
//   node bench/gpu/tests.mjs --out DIR [--select core]
//
// Writes tests.md, tests.json and doctor.txt. Exit code 1 where something fails.
import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { table } from './markdown.mjs';

const SECONDS_PER_FILE = 150;

const AT_ONCE = 4;

/** Compute threads for each of the processes that run at once. */
const THREADS = Math.max(1, Math.floor(availableParallelism() / AT_ONCE));

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values: options } = parseArgs({
  options: { out: { type: 'string' }, select: { type: 'string', default: '' } },
});

function testFiles() {
  return readdirSync(join(root, 'native/test'), { recursive: true })
    .filter((file) => file.endsWith('_test.cc') && file.includes(options.select))
    .sort();
}

/** `{ file, outcome, seconds, output }`; the outcome is `passed`, an exit code or a signal. */
function runFile(file) {
  const program = join(root, 'build/native/Release/moco_tests');
  const started = performance.now();
  return new Promise((resolve) => {
    const limits = { timeout: SECONDS_PER_FILE * 1000, killSignal: 'SIGKILL', maxBuffer: 1e8 };
    const setting = { ...limits, env: { ...process.env, OMP_NUM_THREADS: `${THREADS}` } };
    execFile(program, [`--source-file=*/${file}`], setting, (error, stdout, stderr) => {
      const seconds = (performance.now() - started) / 1000;
      const outcome = error ? (error.signal ?? `exit code ${error.code}`) : 'passed';
      resolve({ file, outcome, seconds, output: stdout + stderr });
    });
  });
}

async function runFiles(files) {
  const waiting = [...files];
  const results = [];
  const work = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const result = await runFile(file);
      console.error(`${result.outcome.padEnd(12)} ${file} (${result.seconds.toFixed(1)} s)`);
      if (result.outcome !== 'passed') console.error(result.output);
      results.push(result);
      write(results);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results.every(({ outcome }) => outcome === 'passed');
}

function write(results) {
  writeFileSync(join(options.out, 'tests.json'), `${JSON.stringify(results, null, 2)}\n`);
  const rows = results
    .toSorted((a, b) => a.file.localeCompare(b.file))
    .map(({ file, outcome, seconds }) => [file, outcome, seconds.toFixed(1)]);
  const text = ['# C++ tests\n', table(['file', 'outcome', 's'], rows), '', doctorSection()];
  writeFileSync(join(options.out, 'tests.md'), text.join('\n'));
}

let doctorText = '';

function doctorSection() {
  return `# moco doctor\n\n\`\`\`\n${doctorText}\`\`\`\n`;
}

function runDoctor() {
  const words = [join(root, 'bin/moco.js'), 'doctor'];
  const { status, stdout, error } = spawnSync(process.execPath, words, {
    ...{ encoding: 'utf8', timeout: 120_000, stdio: ['ignore', 'pipe', 'inherit'] },
  });
  doctorText = error ? `${stdout}\n${error.message}\n` : stdout;
  process.stderr.write(doctorText);
  writeFileSync(join(options.out, 'doctor.txt'), doctorText);
  return status === 0;
}

const isHealthy = runDoctor();
const haveAllPassed = await runFiles(testFiles());
process.exitCode = isHealthy && haveAllPassed ? 0 : 1;
