#!/usr/bin/env node
// Trains for a limited time on a GPU, by default the reference's whole recipe; for bench/gpu.sh.
//
//   node bench/gpu/train.mjs --out DIR --run DIR [--minutes 8] [--data-root data] [-- flags of `moco train`]
//
// The run is in the folder --run. Where that has a checkpoint, the run goes on from there. Writes to --out
// the events of all that the folder has seen, train.ndjson, and their summary, train.md. Without
// CIFAR-10 in --data-root, the built-in shapes are trained on, whose steps take as long.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { trainingTables } from './trainingTables.mjs';

const { values: options, positionals: flags } = parseArgs({
  allowPositionals: true,
  options: {
    ...{ out: { type: 'string' }, run: { type: 'string' } },
    minutes: { type: 'string', default: '8' },
    'data-root': { type: 'string', default: 'data' },
  },
});

const root = fileURLToPath(new URL('../..', import.meta.url));
const log = join(options.run, 'train.ndjson');

/** The directory of the run that has a checkpoint. */
function earlierRun() {
  return readdirSync(options.run, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(options.run, name))
    .find((folder) => existsSync(join(folder, 'checkpoint.safetensors')));
}

function trainFlags() {
  const earlier = earlierRun();
  const unless = (flag, ...values) => (flags.includes(flag) ? [] : [flag, ...values]);
  const hasData = existsSync(join(options['data-root'], 'cifar-10-batches-bin'));
  return [
    ...['--json', '--out', options.run, '--data-root', options['data-root']],
    ...unless('--device', 'cuda'), // `auto` would take the CPU where the GPU cannot be used
    ...unless('--checkpoint-every', '10'), // an epoch takes seconds, and so does a checkpoint
    ...(hasData || earlier ? [] : unless('--dataset', 'shapes')),
    ...(earlier ? ['--resume', earlier] : []),
    ...flags,
  ];
}

/** `moco train`, stopped by SIGINT when its time is over: it then writes a checkpoint. */
async function train() {
  const child = spawn(process.execPath, [join(root, 'bin/moco.js'), 'train', ...trainFlags()], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const timer = setTimeout(() => child.kill('SIGINT'), Number(options.minutes) * 60_000);
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    if (event.type === 'step') continue;
    appendFileSync(log, `${line}\n`);
    if (event.type === 'evaluation') summarise();
  }
  clearTimeout(timer);
  const [exitCode] = await closed;
  return exitCode;
}

function summarise() {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  const events = lines.map((line) => JSON.parse(line));
  copyFileSync(log, join(options.out, 'train.ndjson'));
  writeFileSync(join(options.out, 'train.md'), trainingTables(events));
}

for (const folder of [options.out, options.run]) mkdirSync(folder, { recursive: true });
const exitCode = await train();
if (existsSync(log)) summarise();
// A run that was stopped because its time was over did what was asked for.
process.exitCode = exitCode === 130 ? 0 : exitCode;
