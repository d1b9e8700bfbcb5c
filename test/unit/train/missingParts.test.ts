import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TrainText } from '#moco/cli/trainText.js';
import { checkpointPaths, findCheckpoint } from '#moco/train/checkpoint.js';
import type { DoneEvent, TrainEvent } from '#moco/train/events.js';
import { collect } from '../../support/collect.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { NativeTrainerDouble, trainerOn } from '../../support/trainerDouble.js';

const NAME = '128_48_0.5_0.999_5_16_3';

/** The directory of a run that was left after an evaluation. */
async function leftAfter(context: TestContext, epoch: number, top1: number[]): Promise<string> {
  const out = temporaryFolder(context);
  for await (const event of trainerOn(new NativeTrainerDouble({ top1 }), { out }).run()) {
    if (event.type === 'evaluation' && event.epoch === epoch) break;
  }
  return join(out, NAME);
}

/** Goes on from a checkpoint or a directory, to the end. */
async function goOn(out: string, target: string, top1: number[]): Promise<TrainEvent[]> {
  const { checkpoint } = await findCheckpoint(target);
  const native = new NativeTrainerDouble({ top1, epochsBefore: checkpoint.state.epoch });
  const { events, error } = await collect(trainerOn(native, { out }, { checkpoint }).run());
  assert.equal(error, undefined);
  return events;
}

/** Moves a run's directory alone. */
async function moved(context: TestContext, directory: string): Promise<string> {
  const folder = temporaryFolder(context);
  await rename(directory, join(folder, NAME));
  return folder;
}

const warnings = (events: readonly TrainEvent[]) =>
  events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));

const end = (events: readonly TrainEvent[]) => events.at(-1) as DoneEvent;

test('a run that goes on where it was has nothing to tell', async (context) => {
  const directory = await leftAfter(context, 2, [30, 20, 10]);
  const events = await goOn(join(directory, '..'), directory, [30, 20, 10]);
  assert.deepEqual(warnings(events), []);
  assert.equal(end(events).hasBestModel, true);
});

test('a directory that was moved without its best model says so at the start, and at the end', async (context) => {
  const top1 = [30, 20, 10];
  const out = await moved(context, await leftAfter(context, 2, top1));
  const events = await goOn(out, join(out, NAME), top1);
  const model = join(out, `${NAME}_model.pth`);
  assert.deepEqual(warnings(events), [
    `the best model so far, of epoch 1 (kNN top-1 30.00 %), is not at ${model}; put it there, or the run ends without it unless a later epoch is better`,
  ]);
  assert.equal(events[1]?.type, 'warning');
  assert.equal(end(events).hasBestModel, false);
  assert.deepEqual(new TrainText().textOf(end(events)).lines?.slice(-1), [
    `model   the best one was not there when the run went on; the last one is ${join(out, NAME, 'last_model.pth')}`,
  ]);
});

test('a best model that is put where it was missed is the one at the end', async (context) => {
  const top1 = [30, 20, 10];
  const directory = await leftAfter(context, 2, top1);
  const out = await moved(context, directory);
  const model = join(out, `${NAME}_model.pth`);
  await copyFile(`${directory}_model.pth`, model);
  const events = await goOn(out, join(out, NAME), top1);
  assert.deepEqual(warnings(events), []);
  assert.equal(await readFile(model, 'utf8'), await readFile(`${directory}_model.pth`, 'utf8'));
});

test('a best model that is of an earlier epoch is not taken for the best one', async (context) => {
  const top1 = [30, 40, 10];
  const early = await leftAfter(context, 1, top1);
  const directory = await leftAfter(context, 3, top1);
  const out = join(directory, '..');
  await copyFile(`${early}_model.pth`, `${directory}_model.pth`);
  const events = await goOn(out, directory, top1);
  assert.match(
    warnings(events)[0] ?? '',
    /of epoch 2 .* is not at .*_model\.pth, which is of epoch 1;/,
  );
  assert.equal(end(events).hasBestModel, false);
});

test('a best model of an epoch that the checkpoint does not know counts only if it is the best in the end', async (context) => {
  for (const [again, hasBestModel] of [
    [[30, 20, 10], false],
    [[30, 20, 40], true],
  ] as const) {
    const directory = await leftAfter(context, 2, [30, 20, 10]);
    const later = await leftAfter(context, 3, [30, 20, 40]);
    await copyFile(`${later}_model.pth`, `${directory}_model.pth`);
    const events = await goOn(join(directory, '..'), directory, [...again]);
    assert.deepEqual(warnings(events), []);
    assert.equal(end(events).hasBestModel, hasBestModel);
  }
});

test('a later epoch that is better gives a moved directory its best model', async (context) => {
  const top1 = [30, 20, 40];
  const out = await moved(context, await leftAfter(context, 2, top1));
  const events = await goOn(out, join(out, NAME), top1);
  assert.equal(warnings(events).length, 1);
  assert.equal(end(events).hasBestModel, true);
  assert.deepEqual((await readdir(out)).sort(), [NAME, `${NAME}_model.pth`, `${NAME}_results.csv`]);
});

test('a directory that was moved at its best epoch has its best model and its table again', async (context) => {
  const top1 = [30, 40, 10];
  const directory = await leftAfter(context, 2, top1);
  const out = await moved(context, directory);
  const events = await goOn(out, join(out, NAME), top1);
  assert.deepEqual(warnings(events), []);
  const [best] = events.filter((event) => event.type === 'model');
  assert.deepEqual([best?.kind, best?.epoch], ['best', 2]);
  assert.equal(end(events).hasBestModel, true);
  const lines = (await readFile(join(out, `${NAME}_results.csv`), 'utf8')).trimEnd().split('\n');
  assert.equal(lines.length, 4);
});

test('a checkpoint alone is gone on from, and what is missing is said', async (context) => {
  const top1 = [30, 20, 10];
  const directory = await leftAfter(context, 2, top1);
  const copy = join(temporaryFolder(context), 'copy');
  await mkdir(copy);
  await copyFile(checkpointPaths(directory).newest, checkpointPaths(copy).newest);
  const out = temporaryFolder(context);
  const events = await goOn(out, copy, top1);
  const [best, metrics, tensorBoard, ...more] = warnings(events);
  assert.match(best ?? '', /^the best model so far, of epoch 1/);
  const lacks = 'lacks what was before the checkpoint, and will not tell of it';
  assert.equal(metrics, `${join(out, NAME, 'metrics.jsonl')} ${lacks}`);
  assert.match(tensorBoard ?? '', new RegExp(`^${join(out, NAME)}/events\\..* ${lacks}$`));
  assert.deepEqual(more, []);
  assert.equal(end(events).epochs, 3);
});

test('a finished run whose last model is missing gets it again', async (context) => {
  const top1 = [30, 20, 10];
  const directory = await leftAfter(context, 3, top1);
  const last = join(directory, 'last_model.pth');
  await rm(last);
  const events = await goOn(join(directory, '..'), directory, top1);
  assert.ok(events.some((event) => event.type === 'model' && event.kind === 'last'));
  assert.ok((await readFile(last)).length > 0);
});
