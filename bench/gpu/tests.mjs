#!/usr/bin/env node
// Runs C++ tests on a GPU; for bench/gpu.sh. Each file of tests is a process, so that one that crashes on
// the GPU hides no other.
//
//   node bench/gpu/tests.mjs --out DIR [--name tests] [--file ops/adam_test.cc]… [--but FILE]…
//                            [--select core] [--seconds 240]
//
// Runs the files that are named, else all but those of --but; --select takes those with that in their
// path. After --seconds, no other file begins. Writes NAME.md and NAME.json after every file. Exit code 1
// where something fails.
import { execFile } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { testTables } from './testTables.mjs';

const SECONDS_PER_FILE = 150;

/** Before the time is over, so many seconds are for ending. */
const SECONDS_TO_END = 2;

/** Of a file's output, so many characters are kept: its end. */
const LARGEST_OUTPUT = 200_000;

const NOT_RUN = { outcome: 'no time was left', seconds: 0, output: '' };

const AT_ONCE = 4;

/** Compute threads for each of the processes that run at once. */
const THREADS = Math.max(1, Math.floor(availableParallelism() / AT_ONCE));

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = (fallback) => ({ type: 'string', default: fallback });
const { values: options } = parseArgs({
  options: {
    ...{ out: text(), name: text('tests'), select: text(''), seconds: text('Infinity') },
    file: { type: 'string', multiple: true, default: [] },
    but: { type: 'string', multiple: true, default: [] },
  },
});

/** Those that are named come first, in that order. */
function testFiles() {
  const { file: named, but, select } = options;
  const all = readdirSync(join(root, 'native/test'), { recursive: true })
    .filter((file) => file.endsWith('_test.cc') && !but.includes(file))
    .sort();
  return (named.length > 0 ? named : all).filter((file) => file.includes(select));
}

/** `{ file, outcome, seconds, output }`; the outcome is `passed`, `cut off`, an exit code or a signal. */
function runFile(file) {
  const program = join(root, 'build/native/Release/moco_tests');
  const started = performance.now();
  return new Promise((resolve) => {
    const limits = {
      timeout: Math.ceil(Math.min(SECONDS_PER_FILE, secondsLeft()) * 1000),
      killSignal: 'SIGKILL',
      maxBuffer: 1e8,
    };
    const setting = { ...limits, env: { ...process.env, OMP_NUM_THREADS: `${THREADS}` } };
    execFile(program, [`--source-file=*/${file}`], setting, (error, stdout, stderr) => {
      const seconds = (performance.now() - started) / 1000;
      resolve({
        file,
        outcome: outcomeOf(error),
        seconds,
        output: (stdout + stderr).slice(-LARGEST_OUTPUT),
      });
    });
  });
}

function outcomeOf(error) {
  if (!error) return 'passed';
  if (error.killed) return 'cut off';
  return error.signal ?? `exit code ${error.code}`;
}

const secondsLeft = () => Number(options.seconds) - SECONDS_TO_END - performance.now() / 1000;

async function runFiles(files) {
  const waiting = [...files];
  const results = [];
  const work = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const result = secondsLeft() > 0 ? await runFile(file) : { file, ...NOT_RUN };
      console.error(`${result.outcome.padEnd(12)} ${file} (${result.seconds.toFixed(1)} s)`);
      if (result.outcome !== 'passed') console.error(result.output);
      results.push(result);
      write(results);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results.every(({ outcome }) => ['passed', NOT_RUN.outcome].includes(outcome));
}

function write(results) {
  writeFileSync(join(options.out, `${options.name}.json`), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(options.out, `${options.name}.md`), testTables(options.name, results));
}

const haveAllPassed = await runFiles(testFiles());
process.exitCode = haveAllPassed ? 0 : 1;
