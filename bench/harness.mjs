// What the comparisons with PyTorch have in common: contestants run interleaved, A B C … A B C …, and
// each round's own ratio to the baseline counts. Only ratios within one run mean anything; the machine's
// speed changes from minute to minute.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseConfig } from '../dist/config/resolve.js';
import { settledKeys } from '../dist/config/settledKeys.js';
import { trainCommand } from '../dist/config/trainConfig.js';
import { loadAddon } from '../dist/native/load.js';

/** What is wrong with the command line or the Python: one line for the user, without a stack. */
export class BenchFailure extends Error {}

/**
 * The command line. All contestants share `--python`, `--arch`, `--rounds`, `--threads` and `--json`.
 * @param numbers names and defaults of more flags, positive integers all
 */
export function readOptions(numbers) {
  const counts = { rounds: 7, threads: os.availableParallelism(), ...numbers };
  const flags = Object.entries(counts).map(([name, number]) => [
    name,
    { type: 'string', default: String(number) },
  ]);
  const { values } = parseArgs({
    options: {
      python: { type: 'string', default: 'python3' },
      arch: { type: 'string', default: 'resnet50' },
      json: { type: 'boolean', default: false },
      ...Object.fromEntries(flags),
    },
  });
  for (const name of Object.keys(counts)) values[name] = positiveInteger(name, values[name]);
  return values;
}

export function positiveInteger(name, value) {
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
  throw new BenchFailure(`--${name} is "${value}": it must be a positive integer`);
}

/**
 * PyTorch's side: a Python process that runs one variant per line of input; see worker.py.
 * @param script beside this file
 * @param settings become its flags
 */
export async function startReference(python, script, settings) {
  const { hello, run, quit } = await startWorker(python, script, settings);
  return { torch: hello.torch, run, quit };
}

/**
 * A process of its own that runs something per line of input, as worker.py says.
 * @param program Python or Node
 * @param script beside this file
 * @param settings become its flags
 * @param env its environment variables beside ours
 * @returns its first line; `next`, which resolves to a further line; `ask`, to the answer to one line, and
 *   `run`, to its seconds, or rejects with the failure that it tells
 */
export async function startWorker(program, script, settings, env = {}) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const child = spawn(program, [path, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw new BenchFailure(`${program} cannot be started: ${error.message}`);
  }
  // A process that ended is noticed where its answer is missing.
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    const cause = script.endsWith('.py') ? '; does it have what the script imports?' : '';
    if (done) throw new BenchFailure(`${program} ended, see above${cause}`);
    return JSON.parse(value);
  };
  const hello = await answer().catch((error) => {
    child.kill();
    throw error;
  });
  const ask = async (line) => {
    child.stdin.write(`${line}\n`);
    return await answer();
  };
  return {
    hello,
    ask,
    next: answer,
    run: async (line) => {
      const { seconds, failure } = await ask(line);
      if (failure) throw new BenchFailure(failure);
      return seconds;
    },
    quit: () => child.kill('SIGKILL'),
  };
}

/**
 * A trainer of ours, on random pictures.
 * @param train how many there are to train on, and in the kNN bank
 * @param test how many the evaluation classifies
 * @param config what differs from the defaults of `moco train`, and from those here
 */
export async function startTrainer({ train, test, ...config }) {
  const settings = parseConfig(trainCommand, { k: 1, device: 'cpu', dataThreads: 1 });
  const ours = { ...settings, ...settledKeys(settings, 32), ...config };
  return loadAddon().createTrainer(ours, {
    train: noise(train),
    test: noise(test),
    classes: Array.from({ length: 10 }, (_, label) => `class ${label}`),
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.2023, 0.1994, 0.201],
    cropShare: 1,
  });
}

/** Random pictures, never zeros: arithmetic on zeros is faster. */
function noise(count) {
  const pixels = new Uint8Array(count * 3 * 32 * 32);
  for (let start = 0; start < pixels.length; start += 65536) {
    crypto.getRandomValues(pixels.subarray(start, start + 65536));
  }
  const labels = new Int32Array(count).map((_, index) => index % 10);
  return { pixels, labels, count, height: 32, width: 32 };
}

/** Seconds that something takes. */
export async function secondsOf(work) {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** Seconds that each of some calls takes, which follow one another for a third of a second; the first counts not. */
export async function steadySecondsOf(work) {
  const least = 1 / 3;
  await work();
  let calls = 0;
  let seconds = 0;
  while (seconds < least) {
    seconds += await secondsOf(work);
    calls++;
  }
  return seconds / calls;
}

/**
 * Starts both sides, times them and ends them, whatever happens.
 * @param reference promise of PyTorch's side
 * @param variants PyTorch's contestants: what they are called here and what the worker calls them
 * @param startOurs gives `{ run, quit }` for a precision; `run` resolves to seconds
 * @returns PyTorch's version, and the seconds of each contestant in each round
 */
export async function measure({ reference, variants, startOurs, rounds }) {
  const { cpuBf16 } = loadAddon().hardware();
  const started = [];
  const start = async (starting) => {
    const side = await starting;
    started.push(side);
    return side;
  };
  try {
    const { torch, run } = await start(reference);
    const contestants = {};
    for (const [name, variant] of Object.entries(variants)) {
      if (cpuBf16 || !variant.startsWith('bf16')) contestants[name] = () => run(variant);
    }
    for (const precision of cpuBf16 ? ['fp32', 'bf16'] : ['fp32']) {
      contestants[`moco ${precision}`] = (await start(startOurs(precision))).run;
    }
    return { torch, seconds: await timeRounds(contestants, rounds) };
  } finally {
    for (const { quit } of started) await quit();
  }
}

export async function timeRounds(contestants, rounds) {
  const seconds = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const elapsed = await run();
      if (round >= 0) seconds[name].push(elapsed); // round −1 warms up
    }
  }
  return seconds;
}

/**
 * Prints what was measured.
 * @param title what was timed
 * @param setting what a reader must know of the run
 * @param seconds as of `measure`; the first contestant is the baseline
 * @param pictures how many each run handles
 */
export function report({ title, setting, torch, seconds, pictures, json }) {
  const environment = {
    ...setting,
    cpu: loadAddon().hardware().cpuName,
    node: process.version,
    torch,
    libtorch: loadAddon().libtorchVersion,
  };
  const results = summarise(seconds, pictures);
  if (json) console.log(JSON.stringify({ setting: environment, results }, null, 2));
  else printTable(title, environment, results);
}

function summarise(seconds, pictures) {
  const [baseline] = Object.values(seconds);
  return Object.entries(seconds).map(([name, times]) => {
    // Each round is compared with the baseline in the same round, which ran at nearly the same
    // time.
    const ratios = times.map((time, round) => baseline[round] / time);
    return {
      name,
      picturesPerSecond: pictures / median(times),
      ratio: median(ratios),
      slowest: Math.min(...ratios),
      fastest: Math.max(...ratios),
    };
  });
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function printTable(title, setting, results) {
  const settings = Object.entries(setting).map(([key, value]) => `${key} ${value}`);
  console.log(settings.join(', '));
  const [{ name: baseline }] = results;
  console.log(`\n| ${title} | pictures/s (median) | × ${baseline} (median, range over rounds) |`);
  console.log('|---|---|---|');
  for (const { name, picturesPerSecond, ratio, slowest, fastest } of results) {
    const range = `${ratio.toFixed(2)} (${slowest.toFixed(2)} – ${fastest.toFixed(2)})`;
    console.log(`| ${name} | ${picturesPerSecond.toFixed(1)} | ${range} |`);
  }
}

/** Runs a comparison; failures that the user can do something about are one line. */
export async function runBench(main) {
  try {
    await main();
  } catch (error) {
    const isForUser =
      error instanceof BenchFailure || /^ERR_(MOCO|PARSE_ARGS)_/.test(error.code ?? '');
    if (!isForUser) throw error;
    const hint = error.hint ? `\n${error.hint}` : '';
    process.stderr.write(`error: ${error.message}${hint}\n`);
    process.exitCode = 1;
  }
}
