import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { type TestContext, test } from 'node:test';
import { collect } from '../../support/collect.js';
import { deadProcess } from '../../support/deadProcess.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { NativeTrainerDouble, trainerOn } from '../../support/trainerDouble.js';

/** Runs where another run has left its lock, with the given content. */
async function runWithLock(context: TestContext, content: string) {
  const out = temporaryFolder(context);
  const trainer = trainerOn(new NativeTrainerDouble(), { out });
  const { directory } = trainer.description.files;
  const lock = `${directory}.running.json`;
  await writeFile(lock, content);
  const { error } = await collect(trainer.run());
  return { out, directory, lock, error };
}

const owner = (pid: number, host = hostname(), started = new Date()) =>
  JSON.stringify({ pid, host, started });

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
    assert.equal(
      error.hint,
      `Choose another folder with --out. If that run is gone, remove ${directory}.running.json.`,
    );
  }
  assert.equal((await readFile(results, 'utf8')).trimEnd().split('\n').length, 4);
  assert.equal((await readdir(out)).length, 3);
});

test('the lock of a process that has ended is taken over', async (context) => {
  const { out, error } = await runWithLock(context, owner(deadProcess()));
  assert.equal(error, undefined);
  assert.equal((await readdir(out)).length, 3);
});

test('the lock of an ended process that had the number of this one is taken over', async (context) => {
  const { error } = await runWithLock(context, owner(process.pid, hostname(), new Date(0)));
  assert.equal(error, undefined);
});

for (const [name, content] of [
  ['of a process that goes on', owner(process.ppid)],
  ['from another machine', owner(deadProcess(), 'elsewhere')],
  ['that is not whole', '{"pid":'],
] as const) {
  test(`a lock ${name} stays, and the run is refused without a trace`, async (context) => {
    const { out, lock, error } = await runWithLock(context, content);
    assert.equal(error?.code, 'ERR_MOCO_OUTPUT');
    assert.deepEqual(await readdir(out), [lock.slice(out.length + 1)]);
    assert.equal(await readFile(lock, 'utf8'), content);
  });
}
