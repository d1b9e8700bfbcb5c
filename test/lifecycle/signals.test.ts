import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { findCheckpoint } from '#moco/train/checkpoint.js';
import { executable } from '../support/moco.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

const folder = temporaryFolder();

/** The command of a run that does not end by itself. */
function command(out: string, settings: object = {}): string[] {
  const run = { ...TINY_RUN, epochs: 100_000, out: join(folder, out), ...settings };
  const words = Object.entries(run).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  return [process.execPath, executable, 'train', ...words];
}

/** Starts a program, and waits until its output has this text. */
async function started([program, ...words]: string[], text: string) {
  const child = spawn(program as string, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'close');
  while (!stdout.includes(text)) {
    await Promise.race([once(child.stdout, 'data'), ended]);
    assert.equal(child.exitCode, null, stderr);
  }
  const end = async () => {
    const [status, signal] = await ended;
    return { status, signal, stderr };
  };
  return { child, end, printed: () => stdout };
}

/** A run in the middle of its steps. */
const startRun = (out: string) => started([...command(out), '--json'], '"type":"step"');

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGXCPU'] as const) {
  const code = 128 + constants.signals[name];
  test(`${name} ends the command after its step, with ${code}, a checkpoint and nothing half-written`, async () => {
    const { child, end } = await startRun(name);
    child.kill(name);
    const { status, stderr } = await end();
    assert.equal(status, code, stderr);
    const [, stopping, directory] =
      /^\nstopping (.*)\nthe training was stopped in epoch \d+, after step \d+\nGo on with: moco train --resume (.*)\n$/.exec(
        stderr,
      ) ?? [];
    const text =
      name === 'SIGINT' ? '(Ctrl-C again ends at once)' : `after ${name} (Ctrl-C ends at once)`;
    assert.equal(stopping, text, stderr);
    const { checkpoint } = await findCheckpoint(directory as string);
    assert.ok(checkpoint.state.epoch + checkpoint.state.step > 0);
    const files = await readdir(join(folder, name), { recursive: true });
    assert.deepEqual(
      files.filter((file) => /tmp|running/.test(file)),
      [],
    );
  });
}

test('a second Ctrl-C ends the command at once', async () => {
  const { child, end } = await startRun('second');
  child.kill('SIGINT');
  await once(child.stderr, 'data');
  child.kill('SIGINT');
  const { status, signal } = await end();
  // Where the step ended before the second signal came, the first one has ended the command.
  assert.ok(signal === 'SIGINT' || status === 130);
});

test('signals that follow the first one do not keep it from its checkpoint', async () => {
  const { child, end } = await startRun('several');
  for (const name of ['SIGHUP', 'SIGHUP', 'SIGTERM', 'SIGXCPU'] as const) child.kill(name);
  const { status, stderr } = await end();
  assert.ok([129, 143, 152].includes(status), stderr); // which one is first, the system decides
  assert.match(stderr, /Go on with: moco train --resume/);
});

test('SIGUSR1 ends moco bench with its exit code, and opens no debugger', async () => {
  const words = [
    'bench',
    '--arch',
    'resnet18',
    '--rounds',
    '1000',
    '--threads',
    '1',
    '--matrix',
    '64',
  ];
  const { child, end } = await started([process.execPath, executable, ...words], 'device');
  child.kill('SIGUSR1');
  const { status, stderr } = await end();
  assert.equal(status, 128 + constants.signals.SIGUSR1, stderr);
  assert.doesNotMatch(stderr, /Debugger/);
});

const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(' ');

for (const [how, prefix] of [
  ['nohup', 'nohup'],
  ["trap '' HUP", "trap '' HUP;"],
] as const) {
  test(`a run under ${how} goes on after a hangup`, async () => {
    const line = `${prefix} ${quoted([...command(how.slice(0, 5)), '--json'])} & wait`;
    const { child, end } = await started(['bash', '-c', line], '"type":"step"');
    const pid = childOf(child);
    process.kill(pid, 'SIGHUP');
    await moreSteps(child, 4);
    process.kill(pid, 'SIGTERM');
    assert.match((await end()).stderr, /stopping after SIGTERM/);
  });
}

/** The process that another one has started. */
function childOf({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}

/** Returns after so many more steps. */
async function moreSteps(child: ChildProcess, count: number): Promise<void> {
  const ended = once(child, 'close').then(() => assert.fail('the run has ended'));
  for (let seen = 0; seen < count; ) {
    const data = once(child.stdout as NodeJS.ReadableStream, 'data');
    const [text] = await Promise.race([data, ended]);
    seen += String(text).split('"type":"step"').length - 1;
  }
  ended.catch(() => {}); // it may end now
}

const hasScript = spawnSync('script', ['--version']).status === 0;

test('a run whose terminal is closed leaves a checkpoint of what it did', {
  skip: hasScript ? false : 'there is no `script` to make a terminal with',
}, async () => {
  const out = join(folder, 'terminal');
  const line = `echo pid $$; exec ${quoted(command('terminal', { checkpointEvery: 1000 }))}`;
  const { child, printed } = await started(['script', '-qfc', line, '/dev/null'], 'epoch      2/');
  const [, pid] = /pid (\d+)/.exec(printed()) ?? [];
  child.kill('SIGKILL');
  for (let isRunning = true; isRunning; await sleep(50)) isRunning = existsSync(`/proc/${pid}`);
  assert.ok((await stateLeftIn(out)).epoch >= 1);
});

test('where nobody reads its output any more, the command ends without a word, with a checkpoint', async () => {
  const { child, end } = await startRun('pipe');
  child.stdout?.destroy();
  assert.deepEqual(await end(), { status: 141, signal: null, stderr: '' });
  const { epoch, step } = await stateLeftIn(join(folder, 'pipe'));
  assert.ok(epoch + step > 0);
});

/** What the newest checkpoint of the only run in a folder says. */
async function stateLeftIn(out: string) {
  const name = (await readdir(out)).find(
    (name) => !name.includes('_results') && !name.includes('_model'),
  );
  return (await findCheckpoint(join(out, name as string))).checkpoint.state;
}
