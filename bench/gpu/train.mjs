#!/usr/bin/env node
// Trains for a limited time on a GPU, by default the reference's whole recipe; for bench/gpu.sh.
//
//   node bench/gpu/train.mjs --out DIR [--minutes 25] [--data-root data] [-- flags of `moco train`]
//
// The run is in DIR/run, its events in DIR/train.ndjson. Where DIR/run has a checkpoint, the run goes on
// from there. Writes train.md, the summary of all that DIR has seen.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
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
import { table } from './markdown.mjs';

const { values: options, positionals: flags } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string' },
    minutes: { type: 'string', default: '25' },
    'data-root': { type: 'string', default: 'data' },
  },
});

const root = fileURLToPath(new URL('../..', import.meta.url));
const runs = join(options.out, 'run');
const log = join(options.out, 'train.ndjson');

/** The directory of the run that has a checkpoint. */
function earlierRun() {
  if (!existsSync(runs)) return undefined;
  return readdirSync(runs, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(runs, name))
    .find((folder) => existsSync(join(folder, 'checkpoint.safetensors')));
}

/** `moco train`, stopped by SIGINT when its time is over: it then writes a checkpoint. */
async function train() {
  const earlier = earlierRun();
  const resume = earlier ? ['--resume', earlier] : [];
  const unless = (flag, value) => (flags.includes(flag) ? [] : [flag, value]);
  const defaults = [
    ...unless('--device', 'cuda'), // `auto` would take the CPU where the GPU cannot be used
    ...unless('--checkpoint-every', '10'), // an epoch takes seconds, and so does a checkpoint
  ];
  const child = spawn(
    process.execPath,
    [
      ...[join(root, 'bin/moco.js'), 'train', '--json', '--out', runs],
      ...['--data-root', options['data-root'], ...defaults, ...resume, ...flags],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const timer = setTimeout(() => child.kill('SIGINT'), Number(options.minutes) * 60_000);
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    if (event.type === 'step') continue;
    appendFileSync(log, `${line}\n`);
    if (event.type === 'evaluation') summarise();
  }
  clearTimeout(timer);
  const [exitCode] = child.exitCode === null ? await once(child, 'close') : [child.exitCode];
  return exitCode;
}

function summarise() {
  const events = readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const of = (type) => events.filter((event) => event.type === type);
  const epochs = new Map(of('epoch').map((event) => [event.epoch, event]));
  const evaluations = new Map(of('evaluation').map((event) => [event.epoch, event]));
  const { config, description } = of('start').at(-1);
  const seconds = [...epochs.values()].reduce((sum, epoch) => sum + epoch.seconds, 0);
  const evaluating = [...evaluations.values()].reduce((sum, each) => sum + each.seconds, 0);
  const best = [...evaluations.values()].at(-1)?.best;
  const rows = [...epochs.values()].map((event) => row(event, evaluations.get(event.epoch)));
  const text = [
    '# Training\n',
    `${epochs.size} of ${config.epochs} epochs, ${of('start').length - 1} times gone on; training ` +
      `${seconds.toFixed(0)} s, kNN ${evaluating.toFixed(0)} s; best kNN top-1 ` +
      `${best ? `${best.top1} % after epoch ${best.epoch}` : 'not measured'}.\n`,
    `${description.deviceName}, ${description.precision}, ${JSON.stringify(config)}\n`,
    table(['epoch', 's', 'pictures/s', 'loss', 'kNN top-1', 'kNN top-5', 'kNN s'], rows),
    '',
  ];
  writeFileSync(join(options.out, 'train.md'), text.join('\n'));
}

function row({ epoch, seconds, picturesPerSecond, loss }, evaluation) {
  const knn = evaluation
    ? [evaluation.top1, evaluation.top5, evaluation.seconds].map((number) => number.toFixed(2))
    : ['–', '–', '–'];
  return [epoch, seconds.toFixed(2), picturesPerSecond.toFixed(0), loss.toFixed(4), ...knn];
}

mkdirSync(options.out, { recursive: true });
const exitCode = await train();
if (existsSync(log)) summarise();
// A run that was stopped because its time was over did what was asked for.
process.exitCode = exitCode === 130 ? 0 : exitCode;
