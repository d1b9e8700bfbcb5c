import assert from 'node:assert/strict';
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrainConfigInput } from '#moco/config/trainConfig.js';
import { MocoError } from '#moco/error.js';
import {
  type Checkpoint,
  checkpointPaths,
  findCheckpoint,
  restoreFrom,
  resumedConfig,
} from '#moco/train/checkpoint.js';
import { createTrainer } from '#moco/train/createTrainer.js';
import type { TrainEvent } from '#moco/train/events.js';
import { changedSurroundings, requireSameRun } from '#moco/train/resume.js';
import { runStateSchema } from '#moco/train/runState.js';
import type { Trainer } from '#moco/train/trainer.js';
import { addonError } from '../../support/addonError.js';
import { collect } from '../../support/collect.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { NativeTrainerDouble, trainConfig, trainerOn } from '../../support/trainerDouble.js';

/** Milliseconds. */
const PAUSE = 50;

const NAME = '128_48_0.5_0.999_5_16_3';

/** Runs until the signal of `stopAt`, and says what there is to go on from. */
async function interrupted(
  out: string,
  stopAt: (event: TrainEvent) => boolean,
  native = new NativeTrainerDouble(),
  input: TrainConfigInput = {},
): Promise<{ checkpoint: Checkpoint; trainer: Trainer }> {
  const controller = new AbortController();
  const trainer = trainerOn(native, { out, ...input });
  const run = async () => {
    for await (const event of trainer.run({ signal: controller.signal })) {
      if (stopAt(event)) controller.abort();
    }
  };
  await assert.rejects(run, { code: 'ERR_MOCO_ABORTED' });
  const { checkpoint } = await findCheckpoint(trainer.description.files.directory);
  return { checkpoint, trainer };
}

/** The lines of the metrics, without times and rates, which differ from run to run. */
async function metrics(out: string): Promise<object[]> {
  const text = await readFile(join(out, NAME, 'metrics.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { time, seconds, ...rest } = JSON.parse(line);
      return rest;
    });
}

const results = (out: string) => readFile(join(out, `${NAME}_results.csv`), 'utf8');

/** What an uninterrupted run leaves. */
async function uninterrupted(context: TestContext, input: TrainConfigInput = {}) {
  const out = temporaryFolder(context);
  await collect(trainerOn(new NativeTrainerDouble(), { out, ...input }).run());
  return { results: await results(out), metrics: await metrics(out) };
}

for (const [where, stopAt] of [
  ['inside an epoch', (event: TrainEvent) => event.type === 'step' && event.epoch === 2],
  ['between training and evaluation', (event) => event.type === 'epoch' && event.epoch === 2],
  ['after an evaluation', (event) => event.type === 'evaluation' && event.epoch === 2],
] as const satisfies [string, (event: TrainEvent) => boolean][]) {
  test(`a run stopped ${where} goes on with its table and metrics as if it had not`, async (context) => {
    const out = temporaryFolder(context);
    const { checkpoint } = await interrupted(out, stopAt);
    assert.equal(checkpoint.path, checkpointPaths(join(out, NAME)).newest);
    const native = new NativeTrainerDouble({ epochsBefore: checkpoint.state.epoch });
    const { events, error } = await collect(trainerOn(native, { out }, { checkpoint }).run());
    assert.equal(error, undefined);
    assert.deepEqual(
      { results: await results(out), metrics: await metrics(out) },
      await uninterrupted(context),
    );
    assert.ok(!native.calls.includes('train 1'));
    assert.deepEqual(events.at(-1)?.type, 'done');
    assert.deepEqual((await readdir(out)).sort(), [
      NAME,
      `${NAME}_model.pth`,
      `${NAME}_results.csv`,
    ]);
  });
}

test('a run stopped in or after an epoch without evaluation goes on as if it had not', async (context) => {
  const input = { evalEvery: 2 };
  for (const [type, epoch] of [
    ['step', 1],
    ['epoch', 1],
    ['step', 2],
  ] as const) {
    const out = temporaryFolder(context);
    const stopAt = (event: TrainEvent) => event.type === type && event.epoch === epoch;
    const { checkpoint } = await interrupted(out, stopAt, new NativeTrainerDouble(), input);
    const native = new NativeTrainerDouble({ epochsBefore: checkpoint.state.epoch });
    await collect(trainerOn(native, { out, ...input }, { checkpoint }).run());
    assert.deepEqual(
      { results: await results(out), metrics: await metrics(out) },
      await uninterrupted(context, input),
      `${type} of epoch ${epoch}`,
    );
  }
});

test('a run without labels goes on with its table and metrics, and knows its best epoch', async (context) => {
  const script = {
    isUnlabelled: true,
    measures: [{ ownKeyRank: 0.25 }, { ownKeyRank: 0.5 }, { ownKeyRank: 0.375 }],
  };
  const whole = temporaryFolder(context);
  await collect(trainerOn(new NativeTrainerDouble(script), { out: whole }).run());
  const out = temporaryFolder(context);
  const stopAt = (event: TrainEvent) => event.type === 'evaluation' && event.epoch === 2;
  const { checkpoint } = await interrupted(out, stopAt, new NativeTrainerDouble(script));
  const native = new NativeTrainerDouble({ ...script, epochsBefore: 2 });
  const { events } = await collect(trainerOn(native, { out }, { checkpoint }).run());
  assert.equal(await results(out), await results(whole));
  assert.deepEqual(await metrics(out), await metrics(whole));
  const done = events.at(-1);
  assert.ok(done?.type === 'done' && done.hasBestModel);
  assert.deepEqual(done.best, {
    ...{ epoch: 1, by: 'ownKeyRank', value: 0.25 },
    ...{ top1: undefined, top5: undefined },
  });
});

test('a checkpoint from before there were measures goes on by kNN', async (context) => {
  const out = temporaryFolder(context);
  const { checkpoint } = await interrupted(out, (event) => event.type === 'evaluation');
  const before = runStateSchema.parse({
    ...checkpoint.state,
    results: [{ epoch: 1, trainLoss: 1.3125, top1: 95, top5: 90 }],
    best: { epoch: 1, top1: 95, top5: 90 },
  });
  const native = new NativeTrainerDouble({ epochsBefore: 1 });
  const old = { ...checkpoint, state: before };
  const { events } = await collect(trainerOn(native, { out }, { checkpoint: old }).run());
  const done = events.at(-1);
  assert.ok(done?.type === 'done');
  assert.deepEqual(done.best, { epoch: 1, by: 'knn', value: 95, top1: 95, top5: 90 });
});

test('a run cannot end where it lies after an epoch that was not evaluated', async (context) => {
  const out = temporaryFolder(context);
  const stopAt = ({ type }: TrainEvent) => type === 'epoch';
  const { checkpoint } = await interrupted(out, stopAt, undefined, { evalEvery: 2 });
  const ending = trainConfig({ ...checkpoint.config, epochs: 1 });
  assert.throws(() => requireSameRun(checkpoint, ending, []), {
    code: 'ERR_MOCO_CONFIG',
    message: `epochs: 1, but ${checkpoint.path} lies after epoch 1, which was not evaluated`,
    hint: 'Go on with --epochs 2 or more, or measure last_model.pth with moco knn.',
  });
  requireSameRun(checkpoint, checkpoint.config, []);
});

test('a run whose learning rate depends on its length goes on with that length only', async (context) => {
  const out = temporaryFolder(context);
  const afterEpoch = ({ type }: TrainEvent) => type === 'evaluation';
  for (const schedule of ['cosine', 'one-cycle'] as const) {
    const { checkpoint } = await interrupted(out, afterEpoch, undefined, { schedule });
    const { epochs } = checkpoint.config;
    const longer = trainConfig({ ...checkpoint.config, epochs: epochs + 1 });
    assert.throws(() => requireSameRun(checkpoint, longer, []), {
      code: 'ERR_MOCO_CONFIG',
      message: `the configuration is not that of ${checkpoint.path}:\n  epochs: ${epochs + 1}, in the checkpoint ${epochs}`,
    });
    requireSameRun(checkpoint, longer, ['epochs']);
  }
  const stepped = { schedule: 'step' as const, stepEpochs: [1] };
  const { checkpoint } = await interrupted(out, afterEpoch, undefined, stepped);
  requireSameRun(checkpoint, trainConfig({ ...checkpoint.config, epochs: 9 }), []);
});

test('what was written after the checkpoint is taken back', async (context) => {
  const out = temporaryFolder(context);
  const paused = new NativeTrainerDouble({ pause: PAUSE });
  const { checkpoint } = await interrupted(out, ({ type }) => type === 'step', paused);
  const directory = join(out, NAME);
  const kept = join(out, 'kept');
  await copyFile(checkpoint.path, kept);
  // The run goes on to its end, and then from the first checkpoint once more.
  await collect(trainerOn(new NativeTrainerDouble(), { out }, { checkpoint }).run());
  await copyFile(kept, checkpoint.path);
  const again = (await findCheckpoint(directory)).checkpoint;
  await collect(trainerOn(new NativeTrainerDouble(), { out }, { checkpoint: again }).run());
  assert.deepEqual(
    { results: await results(out), metrics: await metrics(out) },
    await uninterrupted(context),
  );
});

test('a run says where it goes on, and how to go on where it is stopped', async (context) => {
  const out = temporaryFolder(context);
  const { checkpoint } = await interrupted(out, (event) => event.type === 'evaluation');
  const { state } = checkpoint;
  assert.deepEqual([state.epoch, state.step], [1, 0]);
  const controller = new AbortController();
  const trainer = trainerOn(new NativeTrainerDouble(), { out }, { checkpoint });
  const events: TrainEvent[] = [];
  const run = async () => {
    for await (const event of trainer.run({ signal: controller.signal })) {
      events.push(event);
      if (event.type === 'epoch') controller.abort();
    }
  };
  await assert.rejects(run, {
    code: 'ERR_MOCO_ABORTED',
    message: 'the training was stopped in epoch 2, after step 4',
    hint: `Go on with: moco train --resume ${join(out, NAME)}`,
  });
  const [start] = events;
  assert.deepEqual(start?.type === 'start' && start.resumed, {
    path: checkpoint.path,
    epoch: 2,
    step: 0,
  });
});

test('a run that was finished goes on with more epochs, in a directory of its own', async (context) => {
  const out = temporaryFolder(context);
  await collect(trainerOn(new NativeTrainerDouble(), { out }).run());
  const { checkpoint } = await findCheckpoint(join(out, NAME));
  const native = new NativeTrainerDouble();
  const trainer = trainerOn(native, { out, epochs: 4 }, { checkpoint });
  const { events } = await collect(trainer.run());
  assert.deepEqual(events.at(-1)?.type, 'done');
  assert.deepEqual(
    native.calls.filter((call) => call.startsWith('train')),
    ['train 4'],
  );
  const longer = NAME.replace(/3$/, '4');
  const csv = await readFile(join(out, `${longer}_results.csv`), 'utf8');
  assert.equal(csv.trimEnd().split('\n').length, 5);
  const lines = await readFile(join(out, longer, 'metrics.jsonl'), 'utf8');
  assert.equal(lines.trimEnd().split('\n').length, 4 * 5);
  assert.equal((await results(out)).trimEnd().split('\n').length, 4); // the finished run's own
  await stat(join(out, `${longer}_model.pth`));
});

test('a run that goes on in another directory can be gone on with there from its start', async (context) => {
  const checkpoint = await aCheckpoint(context);
  const out = temporaryFolder(context);
  const trainer = trainerOn(new NativeTrainerDouble(), { out }, { checkpoint });
  let first: number[] | undefined;
  for await (const event of trainer.run()) {
    if (event.type !== 'checkpoint') continue;
    first = [event.epoch, event.step];
    break;
  }
  assert.deepEqual(first, [checkpoint.state.epoch, checkpoint.state.step]);
  await findCheckpoint(join(out, NAME));
});

test('a finished run that goes on without more epochs has nothing to do', async (context) => {
  const out = temporaryFolder(context);
  await collect(trainerOn(new NativeTrainerDouble(), { out }).run());
  const { checkpoint } = await findCheckpoint(join(out, NAME));
  const native = new NativeTrainerDouble();
  const { events } = await collect(trainerOn(native, { out }, { checkpoint }).run());
  assert.deepEqual(
    events.map(({ type }) => type),
    ['start', 'done'],
  );
  assert.deepEqual(native.calls, []);
});

test('of two checkpoints the newest good one is taken, and a damaged one is reported', async (context) => {
  const out = temporaryFolder(context);
  await collect(trainerOn(new NativeTrainerDouble(), { out }).run());
  const { newest, previous } = checkpointPaths(join(out, NAME));
  await truncate(newest, 100);
  const { checkpoint, notices } = await findCheckpoint(join(out, NAME));
  assert.equal(checkpoint.path, previous);
  assert.equal(checkpoint.state.epoch, 2);
  assert.equal(notices.length, 1);
  assert.ok(notices[0]?.startsWith(`a checkpoint was passed over: ${newest}: `));
  await assert.rejects(findCheckpoint(newest), { code: 'ERR_MOCO_CHECKPOINT' });
  await rm(newest); // as a crash between the two renames leaves it
  assert.equal((await findCheckpoint(join(out, NAME))).checkpoint.path, previous);
  await writeFile(previous, 'nothing');
  await assert.rejects(findCheckpoint(join(out, NAME)), {
    code: 'ERR_MOCO_CHECKPOINT',
    message: /no checkpoint is good/,
  });
});

test('a checkpoint that is whole and cannot be restored is not passed over', async (context) => {
  const out = await temporaryFolder(context);
  await collect(trainerOn(new NativeTrainerDouble(), { out }).run());
  const found = await findCheckpoint(join(out, NAME));
  const tried: string[] = [];
  for (const code of ['ERR_MOCO_CHECKPOINT', 'ERR_MOCO_OUT_OF_MEMORY'] as const) {
    const restore = ({ path }: Checkpoint) => {
      tried.push(path);
      return Promise.reject(new MocoError(code, 'it does not fit'));
    };
    await assert.rejects(restoreFrom(found, restore), { code, message: 'it does not fit' });
  }
  assert.deepEqual(tried, [found.checkpoint.path, found.checkpoint.path]);
});

test('a folder without a checkpoint, or a file that is none, is refused', async (context) => {
  const out = temporaryFolder(context);
  await assert.rejects(findCheckpoint(out), {
    code: 'ERR_MOCO_CHECKPOINT',
    message: `${out} holds no checkpoint`,
  });
  const missing = join(out, 'missing');
  await assert.rejects(findCheckpoint(missing), { message: `${missing} is not there` });
});

test("a checkpoint's configuration goes on where the run lies now", async (context) => {
  const out = temporaryFolder(context);
  await collect(trainerOn(new NativeTrainerDouble(), { out: 'elsewhere', epochs: 3 }).run());
  context.after(() => rm('elsewhere', { recursive: true, force: true }));
  await mkdir(join(out, NAME));
  const { newest } = checkpointPaths(join(out, NAME));
  await copyFile(checkpointPaths(join('elsewhere', NAME)).newest, newest);
  assert.equal((await resumedConfig(join(out, NAME))).out, out);
});

async function aCheckpoint(context: TestContext): Promise<Checkpoint> {
  const out = temporaryFolder(context);
  return (await interrupted(out, ({ type }) => type === 'step')).checkpoint;
}

test('a configuration that computes something else is refused, key by key', async (context) => {
  const checkpoint = await aCheckpoint(context);
  const changed = (changes: TrainConfigInput) => trainConfig({ ...checkpoint.config, ...changes });
  requireSameRun(
    checkpoint,
    changed({ epochs: 9, out: 'o', dataThreads: 2, checkpointEvery: 5, cudaGraph: false }),
    [],
  );
  const other = changed({ temperature: 0.1, batchSize: 8, trainLimit: 640, evalEvery: 2 });
  assert.throws(() => requireSameRun(checkpoint, other, []), {
    code: 'ERR_MOCO_CONFIG',
    message: [
      `the configuration is not that of ${checkpoint.path}:`,
      '  trainLimit: 640, in the checkpoint undefined',
      '  temperature: 0.1, in the checkpoint 0.5',
      '  batchSize: 8, in the checkpoint 16',
      '  evalEvery: 2, in the checkpoint 1',
    ].join('\n'),
    hint: /--override trainLimit,temperature,batchSize,evalEvery\.$/,
  });
  requireSameRun(checkpoint, other, ['temperature', 'batchSize', 'trainLimit', 'evalEvery']);
  assert.throws(() => requireSameRun(checkpoint, other, ['temprature']), {
    code: 'ERR_MOCO_CONFIG',
    message: '--override temprature: unknown key; the nearest known one is temperature',
  });
});

test('a run whose views grow goes on with its number of epochs, by which they do', async (context) => {
  const { config, ...rest } = await aCheckpoint(context);
  const growing = { ...config, growFrom: 0.5 };
  assert.throws(
    () => requireSameRun({ ...rest, config: growing }, { ...growing, epochs: 9 }),
    /epochs: 9, in the checkpoint 3/,
  );
});

test('a run that would end before its checkpoint is refused', async (context) => {
  const checkpoint = await aCheckpoint(context);
  const { state, config } = checkpoint;
  assert.throws(
    () => requireSameRun({ ...checkpoint, state: { ...state, epoch: 3 } }, config, []),
    {
      code: 'ERR_MOCO_CONFIG',
      message: `${checkpoint.path} is in epoch 4, and the run would end after epoch 3`,
      hint: 'Pass --epochs 4 or more.',
    },
  );
  const results = [{ epoch: 3, trainLoss: 1, top1: 0.5, top5: 0.9 }];
  requireSameRun({ ...checkpoint, state: { ...state, epoch: 3, step: 0, results } }, config, []);
});

test('a start in place of a resumption is refused where no configuration names the run', async () => {
  for (const resume of [undefined, 'results/P']) {
    await assert.rejects(createTrainer({ dataset: 'shapes' }, { resume, orStart: true }), {
      code: 'ERR_MOCO_CONFIG',
      message: '--or-start is for a run of which the configuration is known beforehand',
    });
  }
});

test('keys that may differ are refused where no run goes on', async () => {
  await assert.rejects(createTrainer({}, { override: ['temperature'] }), {
    code: 'ERR_MOCO_CONFIG',
    hint: 'Add --resume, or leave --override out.',
  });
});

test('other surroundings are told, and other epochs refused inside one', async (context) => {
  const checkpoint = await aCheckpoint(context);
  const { description } = trainerOn(new NativeTrainerDouble(), {});
  assert.deepEqual(changedSurroundings(checkpoint, description), []);
  assert.deepEqual(changedSurroundings(checkpoint, { ...description, deviceName: 'other' }), [
    'the run goes on with deviceName other instead of double: it will not be bit for bit the uninterrupted one',
  ]);
  assert.throws(() => changedSurroundings(checkpoint, { ...description, stepsPerEpoch: 8 }), {
    code: 'ERR_MOCO_CONFIG',
    message: /lies inside an epoch \(epoch 1, step \d of 4\), which would now have 8 steps$/,
  });
});

test('what a killed run left half-written is removed when it goes on', async (context) => {
  const out = temporaryFolder(context);
  const { checkpoint } = await interrupted(out, ({ type }) => type === 'step');
  const left = [
    join(out, NAME, '.checkpoint.safetensors.0123abcd.tmp'),
    join(out, `.${NAME}_model.pth.89abcdef.tmp`),
    join(out, `.${NAME}_results.csv.0123abcd.tmp`),
  ];
  const others = [join(out, '.other_model.pth.0123abcd.tmp'), join(out, `${NAME}_notes.txt`)];
  for (const path of [...left, ...others]) await writeFile(path, '');
  await collect(trainerOn(new NativeTrainerDouble(), { out }, { checkpoint }).run());
  for (const path of left) await assert.rejects(stat(path), { code: 'ENOENT' });
  for (const path of others) await stat(path);
});

test('a checkpoint is written at every n-th epoch and at the last', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble();
  await collect(trainerOn(native, { out, epochs: 5, checkpointEvery: 2 }).run());
  assert.deepEqual(
    native.written.filter((call) => call.startsWith('checkpoint')),
    ['checkpoint 0.0', 'checkpoint 2.0', 'checkpoint 4.0', 'checkpoint 5.0'],
  );
});

test('an epoch that takes long has checkpoints inside', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble({ pause: PAUSE });
  const train = native.trainEpoch.bind(native);
  native.trainEpoch = async (...args) => {
    while (native.openSnapshots > 0) await sleep(1); // none is begun while one is in the making
    return await train(...args);
  };
  await collect(trainerOn(native, { out, epochs: 1, checkpointMinutes: 1e-9 }).run());
  assert.ok(native.written.includes('checkpoint 0.2'));
  assert.ok(native.calls.includes('train 1 from 3'));
  assert.equal(native.written.at(-1), 'checkpoint 1.0');
});

test('a checkpoint that cannot be written ends the run, and the one before it stays', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble({
    onWrite: (what) => {
      if (what === 'checkpoint 2.0') throw addonError('ERR_MOCO_OUTPUT', 'the disk is full');
    },
  });
  const { error } = await collect(trainerOn(native, { out }).run());
  assert.equal(error?.code, 'ERR_MOCO_OUTPUT');
  assert.equal((await findCheckpoint(join(out, NAME))).checkpoint.state.epoch, 1);
});

test('a run of a number of steps goes on as if it had not been stopped, also in its last epoch', async (context) => {
  const input = { trainLimit: 64, steps: 10, evalUntrained: true };
  for (const epoch of [1, 2, 3]) {
    const out = temporaryFolder(context);
    const stopAt = (event: TrainEvent) => event.type === 'step' && event.epoch === epoch;
    const { checkpoint } = await interrupted(out, stopAt, new NativeTrainerDouble(), input);
    const native = new NativeTrainerDouble({ epochsBefore: checkpoint.state.epoch });
    const { events } = await collect(trainerOn(native, { out, ...input }, { checkpoint }).run());
    assert.deepEqual(
      { results: await results(out), metrics: await metrics(out) },
      await uninterrupted(context, input),
      `epoch ${epoch}`,
    );
    const done = events.at(-1);
    assert.equal(done?.type === 'done' && done.untrainedTop1, 5, 'of the run before');
  }
});

test('the untrained encoder has a line in the metrics, and none in the table', async (context) => {
  const run = await uninterrupted(context, { evalUntrained: true });
  const { type, epoch, top1 } = run.metrics[0] as Record<string, unknown>;
  assert.deepEqual({ type, epoch, top1 }, { type: 'evaluation', epoch: 0, top1: 5 });
  const without = await uninterrupted(context);
  assert.deepEqual(run.metrics.slice(1), without.metrics);
  assert.equal(run.results, without.results);
});

test('where a run ends may change, but not after it ended inside an epoch', async (context) => {
  const out = temporaryFolder(context);
  const input = { out, trainLimit: 64, steps: 10 };
  await collect(trainerOn(new NativeTrainerDouble(), input).run());
  const { checkpoint } = await findCheckpoint(join(out, NAME));
  const withSteps = (steps: number) => trainConfig({ ...checkpoint.config, steps });
  requireSameRun(checkpoint, withSteps(10));
  assert.throws(() => requireSameRun(checkpoint, withSteps(20)), {
    code: 'ERR_MOCO_CONFIG',
    message: `the run of ${checkpoint.path} is over: it ended after 10 steps, inside epoch 3`,
    hint: 'Start another run from its last_model.pth with --init-weights.',
  });
  assert.throws(() => requireSameRun(checkpoint, withSteps(9)), {
    message: `${checkpoint.path} lies after step 10 of the run, which would end after step 9`,
    hint: 'Pass --steps 10 or more.',
  });
  const { state } = checkpoint;
  const inside = { ...checkpoint, state: { ...state, epoch: 2, step: 1 } };
  requireSameRun(inside, withSteps(20));
  requireSameRun(inside, withSteps(9));
  assert.throws(() => requireSameRun(inside, withSteps(8)), /lies after step 9 of the run/);
});

test('where the learning rate follows the length, that may change only where it is asked for', async (context) => {
  const out = temporaryFolder(context);
  const input = { trainLimit: 64, steps: 10, schedule: 'cosine' } as const;
  const stopAt = (event: TrainEvent) => event.type === 'step' && event.epoch === 2;
  const { checkpoint } = await interrupted(out, stopAt, new NativeTrainerDouble(), input);
  const shorter = trainConfig({ ...checkpoint.config, steps: 8 });
  assert.throws(() => requireSameRun(checkpoint, shorter), {
    message: `the configuration is not that of ${checkpoint.path}:\n  steps: 8, in the checkpoint 10`,
  });
  requireSameRun(checkpoint, shorter, ['steps']);
});
