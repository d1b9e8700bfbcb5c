import assert from 'node:assert/strict';
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { thisHolder } from '#moco/disk/lockHolder.js';
import type { MocoError } from '#moco/error.js';
import type { TrainEvent } from '#moco/train/events.js';
import { collect } from '../../support/collect.js';
import { deadProcess } from '../../support/deadProcess.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { NativeTrainerDouble, trainerOn } from '../../support/trainerDouble.js';

/** A run where another one has left its lock, as a holder with other properties than this process. */
async function runWithLock(context: TestContext, properties: object) {
  const out = temporaryFolder(context);
  const trainer = trainerOn(new NativeTrainerDouble(), { out });
  const { directory } = trainer.description.files;
  const lock = `${directory}.running.json`;
  const content = JSON.stringify({ ...thisHolder(), ...properties });
  await writeFile(lock, content);
  return { out, trainer, directory, lock, content };
}

test('a second run with the same parameters and folder is refused, and the first goes on', async (context) => {
  const out = temporaryFolder(context);
  const first = trainerOn(new NativeTrainerDouble(), { out });
  const second = trainerOn(new NativeTrainerDouble(), { out });
  const { directory, results } = first.description.files;
  for await (const { type } of first.run()) {
    if (type !== 'start') continue;
    const { error } = await collect(second.run());
    assert.equal(error?.code, 'ERR_MOCO_OUTPUT');
    assert.ok(
      error.message.startsWith(
        `cannot write ${directory}: process ${process.pid} on ${hostname()} (since `,
      ),
    );
    assert.equal(error.hint, 'Wait until that run has ended, or choose another folder with --out.');
  }
  assert.equal((await readFile(results, 'utf8')).trimEnd().split('\n').length, 4);
  assert.equal((await readdir(out)).length, 3);
});

for (const [name, properties] of [
  ['a process that has ended', { pid: deadProcess() }],
  ['a process whose number another one has now', { pid: process.ppid, processStart: '1' }],
  ['a process that has ended, under another host name', { pid: deadProcess(), host: 'elsewhere' }],
] as const) {
  test(`the lock of ${name} is taken over at once`, async (context) => {
    const { out, trainer } = await runWithLock(context, properties);
    const { events, error } = await collect(trainer.run());
    assert.equal(error, undefined);
    assert.equal(events[0]?.type, 'start');
    assert.equal((await readdir(out)).length, 3);
  });
}

test('a run elsewhere that gives signs of life is waited for, and then the second is refused without a trace', async (context) => {
  const { out, trainer, lock, content } = await runWithLock(context, { place: 'another kernel' });
  const signs = setInterval(() => utimes(lock, new Date(), new Date()), 1000);
  const { events, error } = await collect(trainer.run());
  clearInterval(signs);
  assert.equal(error?.code, 'ERR_MOCO_OUTPUT');
  assert.match(error?.message ?? '', /^cannot write .*: process \d+ on .* writes the same files$/);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['warning'],
  );
  assert.deepEqual(await readdir(out), [lock.slice(out.length + 1)]);
  assert.equal(await readFile(lock, 'utf8'), content);
});

test('a run that waits to see whether another one lives says so, and ends at a signal', async (context) => {
  const { out, trainer, directory } = await runWithLock(context, { place: 'x', host: 'node7' });
  const controller = new AbortController();
  const events: TrainEvent[] = [];
  const run = async () => {
    for await (const event of trainer.run({ signal: controller.signal })) {
      events.push(event);
      setTimeout(() => controller.abort());
    }
  };
  await assert.rejects(run, { code: 'ERR_MOCO_ABORTED' });
  const [waiting] = events.map((event) => (event.type === 'warning' ? event.message : event.type));
  assert.match(
    waiting ?? '',
    /^waiting for a minute, to see whether process \d+ on node7 \(since /,
  );
  assert.ok(waiting?.endsWith(` still writes ${directory}`));
  assert.equal((await readdir(out)).length, 1);
});

test('a run whose files another one has taken over writes nothing more', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble({ pause: 20 });
  const trainer = trainerOn(native, { out });
  const { directory } = trainer.description.files;
  const lock = `${directory}.running.json`;
  const metrics = join(directory, 'metrics.jsonl');
  let written = '';
  const run = async function* () {
    for await (const event of trainer.run()) {
      if (event.type === 'checkpoint' && event.epoch === 1 && written === '') {
        written = await readFile(metrics, 'utf8');
        await rm(lock);
        await writeFile(lock, 'another');
      }
      yield event;
    }
  };
  const { error } = await collect(run());
  assert.equal(error?.code, 'ERR_MOCO_OUTPUT');
  assert.match(
    error?.message ?? '',
    /: another run has taken its files over, because this one gave/,
  );
  assert.equal(await readFile(metrics, 'utf8'), written);
  assert.equal(native.written.at(-1), 'checkpoint 1.0');
  assert.equal(await readFile(lock, 'utf8'), 'another');
});

test('a trainer that is disposed of while its run waits for its consumer lets another one write', async (context) => {
  const out = temporaryFolder(context);
  const first = trainerOn(new NativeTrainerDouble(), { out });
  const run = first.run();
  for (let type: string | undefined; type !== 'step'; ) type = (await run.next()).value?.type;
  await first.dispose();
  const { error } = await collect(trainerOn(new NativeTrainerDouble(), { out }).run());
  assert.equal(error, undefined);
  await assert.rejects(
    async () => {
      for await (const _ of run);
    },
    (late: MocoError) => late.code === 'ERR_MOCO_DISPOSED',
  );
});
