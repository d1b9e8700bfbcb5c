import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { executable, runMoco } from '../support/moco.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

const folder = temporaryFolder();

function words(out: string, settings: object = {}): string[] {
  const run = { ...TINY_RUN, precision: 'fp32', out, ...settings };
  return ['train', ...Object.entries(run).flatMap(([key, value]) => ['--set', `${key}=${value}`])];
}

const RUN_NAME = '16_32_0.5_0.999_5_16_2';

/** The losses of a run's steps, as it has recorded them. */
function lossesOf(out: string, name = RUN_NAME): number[] {
  const lines = readFileSync(join(folder, out, name, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const rows = lines.map((line) => JSON.parse(line) as { type: string; loss: number });
  return rows.filter(({ type }) => type === 'step').map(({ loss }) => loss);
}

/** Two processes as a launcher starts them, each with its own settings. */
async function startTwo(settings: readonly [string[], string[]]) {
  const port = await freePort();
  const children = settings.map((own, rank) => {
    const meeting = { WORLD_SIZE: '2', MASTER_ADDR: '127.0.0.1', MASTER_PORT: `${port}` };
    const env = { ...process.env, ...meeting, RANK: `${rank}`, MOCO_DEBUG: undefined };
    return spawn(process.execPath, [executable, ...own], { cwd: folder, env });
  });
  const outputs = children.map(() => ({ stdout: '', stderr: '' }));
  children.forEach((child, rank) => {
    const output = outputs[rank] as { stdout: string; stderr: string };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
      });
    }
  });
  const ended = children.map((child) => once(child, 'close'));
  const ends = async () =>
    (await Promise.all(ended)).map(([status, signal], rank) => ({
      ...{ status, signal },
      ...(outputs[rank] as { stdout: string; stderr: string }),
    }));
  return { children: children as [ChildProcess, ChildProcess], outputs, ends };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return (address as { port: number }).port;
}

/** Waits until the first process has told of an event. */
async function told({ children, outputs }: Awaited<ReturnType<typeof startTwo>>, text: string) {
  while (!outputs[0]?.stdout.includes(text)) {
    await once(children[0].stdout as NodeJS.ReadableStream, 'data');
  }
}

const ENDLESS = { epochs: 1000, checkpointEvery: 1 };
const ENDLESS_NAME = '16_32_0.5_0.999_5_16_1000';

test('two processes train what one does with two BatchNorm groups', () => {
  const two = runMoco(folder, [...words('two'), '--processes', '2']);
  assert.equal(two.status, 0, two.stderr);
  const one = runMoco(folder, words('one', { batchNormGroups: 2 }));
  assert.equal(one.status, 0, one.stderr);
  const [expected, losses] = [lossesOf('one'), lossesOf('two')];
  assert.equal(losses.length, 8);
  // The first steps: a network's training magnifies what rounding begins with.
  for (const step of [0, 1]) {
    const [loss, other] = [losses[step] as number, expected[step] as number];
    assert.ok(Math.abs(loss - other) < 1e-3 * other, `step ${step + 1}: ${loss}, not ${other}`);
  }
  assert.match(two.stdout, /done in/);
});

test('a run of two processes goes on with one, and not with four', () => {
  const on = runMoco(folder, ['train', '--resume', `two/${RUN_NAME}`, '--epochs', '3']);
  assert.equal(on.status, 0, on.stderr);
  const words = ['train', '--resume', `two/${RUN_NAME}`, '--epochs', '4', '--processes', '4'];
  const four = runMoco(folder, words);
  assert.equal(four.status, 2);
  assert.match(four.stderr, /batchNormGroups: 2 cannot be shared out among the 4 processes/);
});

test('a process that is killed is named, and the run goes on as if it had never been', async () => {
  const command = [...words('killed', { ...ENDLESS, epochs: 3 }), '--json'];
  const run = await startTwo([command, command]);
  await told(run, '"type":"checkpoint","epoch":2');
  run.children[1].kill('SIGKILL');
  const [first] = await run.ends();
  assert.equal(first?.status, 1, first?.stderr);
  assert.match(first?.stderr ?? '', /rank 1 ended without a word \[ERR_MOCO_PEER\]/);
  const on = runMoco(folder, [...command, '--resume', '--processes', '2']);
  assert.equal(on.status, 0, on.stderr);
  const whole = runMoco(folder, [...words('whole', { epochs: 3 }), '--processes', '2']);
  assert.equal(whole.status, 0, whole.stderr);
  const name = '16_32_0.5_0.999_5_16_3';
  assert.deepEqual(lossesOf('killed', name), lossesOf('whole', name));
});

test('a signal at any process ends all, with one checkpoint', async () => {
  const command = [...words('stopped', ENDLESS), '--json'];
  const run = await startTwo([command, command]);
  await told(run, '"type":"step","epoch":2');
  run.children[1].kill('SIGTERM');
  const [first, second] = await run.ends();
  assert.equal(second?.status, 143, second?.stderr);
  assert.equal(first?.status, 1);
  assert.match(first?.stderr ?? '', /the training was stopped .*\[ERR_MOCO_ABORTED\]/);
  const inspected = runMoco(folder, ['inspect', `stopped/${ENDLESS_NAME}/checkpoint.safetensors`]);
  assert.equal(inspected.status, 0, inspected.stderr);
});

test('processes that were not started alike end with what differs', async () => {
  const own = (temperature: number) => words('unlike', { temperature });
  const ends = await (await startTwo([own(0.2), own(0.4)])).ends();
  for (const { status, stderr } of ends) {
    assert.equal(status, 2);
    assert.match(stderr, /temperature: 0\.2 on rank 0, 0\.4 on rank 1/);
  }
});

test('a process that fails tells the others why', async () => {
  const broken = ['train', '--data', 'nowhere', '--out', 'failed'];
  const [first, second] = await (await startTwo([words('failed'), broken])).ends();
  assert.match(second?.stderr ?? '', /nowhere cannot be read/);
  assert.equal(first?.status, 1);
  assert.match(first?.stderr ?? '', /rank 1 ended: .*nowhere cannot be read.*\[ERR_MOCO_PEER\]/);
});
