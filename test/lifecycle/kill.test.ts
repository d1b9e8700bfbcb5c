import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import { checkpointPaths } from '#moco/train/checkpoint.js';
import { executable } from '../support/moco.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

/** How many times runs are killed: `npm run test:kill` takes more. */
const KILLS = Number(process.env.MOCO_KILLS ?? 6);

/** The run writes a checkpoint every few steps, so that many kills interrupt one being written. */
const RUN = {
  dataset: 'shapes',
  trainLimit: 96,
  testLimit: 20,
  arch: 'resnet18',
  featureDim: 16,
  m: 40, // the batch does not divide it
  k: 5,
  batchSize: 16,
  epochs: 3,
  checkpointMinutes: 0.01,
  device: 'cpu',
  threads: 1,
} as const;
const NAME = '16_40_0.5_0.999_5_16_3';

/** About how many seconds pass from a run's first event to its last; kills are spread over them. */
let duration: number;
let expected: object;
const folder = temporaryFolder();

before(async () => {
  const begin = performance.now();
  assert.equal(await (await start('whole')).ended, 0);
  duration = (performance.now() - begin) / 1000;
  expected = await leftBy('whole');
});

/** Starts `moco train`, goes on where there is a checkpoint, and waits for its first event. */
async function start(out: string) {
  const flags = Object.entries({ ...RUN, out: join(folder, out) });
  const words = flags.flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const resume = (await hasCheckpoint(out)) ? ['--resume'] : [];
  const child = spawn(process.execPath, [executable, 'train', '--json', ...words, ...resume], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'exit').then(([status]) => {
    assert.ok(status === null || status === 0, stderr);
    return status as number | null;
  });
  await Promise.race([once(child.stdout, 'data'), ended]);
  child.stdout.resume();
  return { child, ended };
}

async function hasCheckpoint(out: string): Promise<boolean> {
  const { newest, previous } = checkpointPaths(join(folder, out, NAME));
  const found = [newest, previous].map((path) =>
    access(path).then(
      () => true,
      () => false,
    ),
  );
  return (await Promise.all(found)).includes(true);
}

/** Returns when a file of that name is being written while the run goes on, or the run has ended. */
async function inTheMaking(out: string, file: string, ended: Promise<unknown>): Promise<void> {
  let isOver = false;
  ended.finally(() => {
    isOver = true;
  });
  const directory = join(folder, out, NAME);
  while (!isOver) {
    const names = await readdir(dirname(`${directory}${file}`)).catch(() => []);
    if (names.some((name) => name.startsWith(`.${basename(`${directory}${file}`)}.`))) return;
    await sleep(1);
  }
}

/** Files during whose writing runs are killed, after the run directory's path. */
const FILES = ['/checkpoint.safetensors', '/last_model.pth', '_model.pth'];

/** What a run must leave whether it was killed or not. */
async function leftBy(out: string): Promise<object> {
  const directory = join(folder, out, NAME);
  const { tensors } = await readTensorFile(checkpointPaths(directory).newest);
  const lines = (await readFile(join(directory, 'metrics.jsonl'), 'utf8')).trimEnd().split('\n');
  return {
    results: await readFile(`${directory}_results.csv`, 'utf8'),
    model: await readFile(`${directory}_model.pth`),
    lastModel: await readFile(join(directory, 'last_model.pth')),
    checksums: tensors.map(({ name, storage }) => [name, storage.crc32]),
    metrics: lines.map((line) => {
      const { time, seconds, picturesPerSecond, ...measured } = JSON.parse(line);
      return measured;
    }),
    files: (await readdir(directory)).map((name) => name.replace(/^(events).*/, '$1')),
  };
}

test(`a run that is killed ${KILLS} times leaves what an uninterrupted one leaves, byte for byte`, async () => {
  let runs = 0;
  for (let kills = 0; kills < KILLS; runs++) {
    const out = `run${runs}`;
    for (let status: number | null = null; status === null; ) {
      const { child, ended } = await start(out);
      if (kills < KILLS) {
        // Every other kill comes while a file is being written, the others come at any time.
        const file = kills % 2 === 1 ? FILES[((kills - 1) / 2) % FILES.length] : undefined;
        if (file !== undefined) await inTheMaking(out, file, ended);
        const most = file === undefined ? duration : 0.05;
        await Promise.race([ended, sleep(1000 * Math.random() * most)]);
        if (child.exitCode === null) child.kill('SIGKILL');
      }
      status = await ended;
      if (status === null) kills++;
    }
    assert.deepEqual(await leftBy(out), expected);
    await rm(join(folder, out), { recursive: true });
  }
});
