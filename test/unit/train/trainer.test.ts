import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkpointPaths } from '#moco/train/checkpoint.js';
import type { TrainEvent } from '#moco/train/events.js';
import { collect } from '../../support/collect.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { NativeTrainerDouble, STEPS_PER_EPOCH, trainerOn } from '../../support/trainerDouble.js';

const types = (events: readonly TrainEvent[]) => events.map(({ type }) => type);

const pick = <T extends TrainEvent['type']>(events: readonly TrainEvent[], type: T) =>
  events.filter((event): event is Extract<TrainEvent, { type: T }> => event.type === type);

test('a run tells of every step, then of its epoch, its model and its evaluation', async (context) => {
  const out = temporaryFolder(context);
  const trainer = trainerOn(new NativeTrainerDouble({ top1: [30, 20] }), { out, epochs: 2 });
  const { events, error } = await collect(trainer.run());
  assert.equal(error, undefined);
  const steps = Array(STEPS_PER_EPOCH).fill('step');
  assert.deepEqual(types(events), [
    ...['start', 'model', 'checkpoint'],
    ...[...steps, 'epoch', 'model', 'evaluation', 'model', 'checkpoint'],
    ...[...steps, 'epoch', 'model', 'evaluation', 'checkpoint'],
    'done',
  ]);
});

test('a step says where it is, what it measured and how long the rest takes', async (context) => {
  const out = temporaryFolder(context);
  const trainer = trainerOn(new NativeTrainerDouble(), { out });
  const { events } = await collect(trainer.run());
  const seventh = pick(events, 'step')[6];
  assert.deepEqual(seventh, {
    type: 'step',
    epoch: 2,
    epochs: 3,
    step: 3,
    stepsPerEpoch: 4,
    loss: 2.375,
    contrastiveAccuracy: 0.75,
    gradientNorm: 3,
    learningRate: 1e-3,
    queueFill: 1,
    picturesPerSecond: 32,
    secondsLeft: seventh?.secondsLeft,
  });
  // 5 steps of half a second, and the evaluations, which take the double next to nothing.
  assert.ok(Math.abs((seventh?.secondsLeft ?? 0) - 2.5) < 0.5);
});

test('an epoch gives the means of its steps', async (context) => {
  const out = temporaryFolder(context);
  const { events } = await collect(trainerOn(new NativeTrainerDouble(), { out }).run());
  const [, second] = pick(events, 'epoch');
  assert.equal(second?.loss, 2.3125);
  assert.equal(second?.contrastiveAccuracy, 0.625);
  assert.equal(second?.gradientNorm, 2.5);
  assert.equal(second?.picturesPerSecond, 32);
});

test('the best model is written only when top-1 is strictly better', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble({ top1: [0, 40, 40, 39.9, 40.1] });
  const { events } = await collect(trainerOn(native, { out, epochs: 5 }).run());
  const best = pick(events, 'model').filter(({ kind }) => kind === 'best');
  assert.deepEqual(
    best.map(({ epoch }) => epoch),
    [1, 2, 5],
  );
  assert.deepEqual(
    pick(events, 'evaluation').map((event) => event.best.epoch),
    [1, 2, 2, 2, 5],
  );
  const [done] = pick(events, 'done');
  assert.deepEqual(done?.best, { epoch: 5, top1: 40.1, top5: 90 });
  assert.equal(done?.peakMemoryBytes, 300);
});

test('a run evaluates after every n-th epoch and after the last', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble();
  const { events } = await collect(trainerOn(native, { out, epochs: 5, evalEvery: 2 }).run());
  const evaluated = [2, 4, 5];
  assert.deepEqual(
    pick(events, 'evaluation').map(({ epoch }) => epoch),
    evaluated,
  );
  assert.deepEqual(
    pick(events, 'epoch').flatMap(({ epoch, isEvaluated }) => (isEvaluated ? [epoch] : [])),
    evaluated,
  );
  const afterSteps = types(events).filter((type) => type !== 'step');
  assert.deepEqual(afterSteps.slice(3, 11), [
    ...['epoch', 'model', 'checkpoint'],
    ...['epoch', 'model', 'evaluation', 'model', 'checkpoint'],
  ]);
  assert.deepEqual(pick(events, 'done')[0]?.best, { epoch: 5, top1: 50, top5: 90 });
});

test('the time left counts the evaluations that will be made, and no others', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble();
  const evaluate = native.evaluate.bind(native);
  native.evaluate = () => sleep(20).then(evaluate);
  const { events } = await collect(trainerOn(native, { out, epochs: 6, evalEvery: 4 }).run());
  const [, , , fourth, fifth] = pick(events, 'epoch');
  const [first] = pick(events, 'evaluation');
  assert.equal(fourth?.secondsLeft, 8 * 0.5); // no evaluation was seen yet
  assert.equal(fifth?.secondsLeft, 4 * 0.5 + (first?.seconds as number));
});

test('an accuracy that is not a number never counts as better', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble({ top1: [10, Number.NaN, 11] });
  const { events } = await collect(trainerOn(native, { out }).run());
  assert.deepEqual(
    pick(events, 'evaluation').map((event) => event.isBest),
    [true, false, true],
  );
});

test('notices about the data come first, as warnings', async (context) => {
  const out = temporaryFolder(context);
  const trainer = trainerOn(
    new NativeTrainerDouble(),
    { out },
    { notices: ['not the official bytes'] },
  );
  const { events } = await collect(trainer.run());
  assert.deepEqual(events[1], { type: 'warning', message: 'not the official bytes' });
});

test('what the addon finds out is a warning, before the first step, after an epoch or its evaluation', async (context) => {
  const out = temporaryFolder(context);
  const warnings = ['the run should take more'];
  const native = new NativeTrainerDouble({ warnings });
  const seen: string[] = [];
  for await (const event of trainerOn(native, { out, epochs: 1 }).run()) {
    seen.push(event.type === 'warning' ? event.message : event.type);
    if (event.type === 'step' && event.step === STEPS_PER_EPOCH) warnings.push('no graph');
    if (event.type === 'evaluation') warnings.push('none of evaluations, either');
  }
  assert.deepEqual(seen.slice(0, 4), ['start', 'the run should take more', 'model', 'checkpoint']);
  const evaluation = ['model', 'evaluation', 'none of evaluations, either'];
  assert.deepEqual(seen.slice(7, 13), ['step', 'no graph', 'epoch', ...evaluation]);
});

test('after its GPU failed a run writes nothing and says how to go on', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble({ deviceFailsAt: [2, 3] });
  const trainer = trainerOn(native, { out });
  const { error } = await collect(trainer.run());
  await trainer.dispose();
  assert.equal(error?.code, 'ERR_MOCO_DEVICE');
  assert.equal(error?.message, 'epoch 2, step 3: the GPU failed');
  const { directory } = trainer.description.files;
  assert.match(error?.hint ?? '', /^about ERR_MOCO_DEVICE\n/);
  assert.ok(error?.hint?.endsWith(`go on with: moco train --resume ${directory}`));
  assert.ok(error?.hint?.includes(checkpointPaths(directory).newest));
  assert.deepEqual(native.calls.slice(native.calls.indexOf('train 2')), ['train 2', 'dispose']);
});

test('an aborted signal ends the run after the current step', async (context) => {
  const out = temporaryFolder(context);
  const controller = new AbortController();
  const native = new NativeTrainerDouble({ pause: 50 });
  const events: TrainEvent[] = [];
  const run = async () => {
    for await (const event of trainerOn(native, { out }).run({ signal: controller.signal })) {
      events.push(event);
      if (event.type === 'step' && event.epoch === 2) controller.abort(new Error('enough'));
    }
  };
  await assert.rejects(run, { name: 'MocoError', code: 'ERR_MOCO_ABORTED' });
  assert.equal(native.isRunning, false);
  assert.equal(pick(events, 'step').filter(({ epoch }) => epoch === 2).length, 2);
  const first = ['train 1', 'save last', 'evaluate', 'save best', 'checkpoint 1.0'];
  const last = ['train 2', 'checkpoint 1.2'];
  assert.deepEqual(native.calls, ['save last', 'checkpoint 0.0', ...first, ...last]);
});

test('a signal that was aborted before leaves nothing behind', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble();
  const { events, error } = await collect(
    trainerOn(native, { out }).run({ signal: AbortSignal.abort() }),
  );
  assert.equal(error?.code, 'ERR_MOCO_ABORTED');
  assert.deepEqual([events, native.calls, await readdir(out)], [[], [], []]);
});

test('a signal aborted during the evaluation keeps the epoch', async (context) => {
  const out = temporaryFolder(context);
  const controller = new AbortController();
  const native = new NativeTrainerDouble();
  const evaluate = native.evaluate.bind(native);
  native.evaluate = () => {
    controller.abort();
    return evaluate();
  };
  const { events, error } = await collect(
    trainerOn(native, { out }).run({ signal: controller.signal }),
  );
  assert.equal(error?.code, 'ERR_MOCO_ABORTED');
  assert.deepEqual(types(events).slice(-4), ['model', 'evaluation', 'model', 'checkpoint']);
});

test('leaving the loop ends the native epoch before the loop is left', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble();
  for await (const event of trainerOn(native, { out }).run()) if (event.type === 'step') break;
  assert.equal(native.isRunning, false);
  assert.deepEqual(native.calls.slice(0, -1), ['save last', 'checkpoint 0.0', 'train 1']);
  assert.match(native.calls.at(-1) as string, /^checkpoint 0\.[234]$/);
});

test('a slow consumer gets every step in order, and holds the next epoch back', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble();
  const losses: number[] = [];
  for await (const event of trainerOn(native, { out }).run()) {
    await sleep(5);
    if (event.type !== 'step') continue;
    losses.push(event.loss);
    assert.ok(!native.calls.includes(`train ${event.epoch + 1}`));
  }
  assert.deepEqual(
    losses,
    [1, 2, 3].flatMap((epoch) => [1, 2, 3, 4].map((step) => epoch + step / 8)),
  );
});

test('the untrained model is written before the first epoch', async (context) => {
  const out = temporaryFolder(context);
  const trainer = trainerOn(new NativeTrainerDouble(), { out });
  const { events } = await collect(trainer.run());
  const path = trainer.description.files.lastModel;
  assert.deepEqual(events[1], { type: 'model', kind: 'last', epoch: 0, path });
});

test('a loss that is not finite ends the run and leaves the last good model', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble({ nonFiniteAt: [2, 4] });
  const trainer = trainerOn(native, { out });
  const { events, error } = await collect(trainer.run());
  assert.equal(error?.code, 'ERR_MOCO_NON_FINITE');
  assert.equal(error?.message, 'epoch 2, step 4: the loss is NaN');
  assert.equal(error?.hint, 'about ERR_MOCO_NON_FINITE');
  assert.deepEqual(types(events).slice(-4), ['checkpoint', 'step', 'step', 'step']);
  assert.equal(
    await readFile(trainer.description.files.lastModel, 'utf8'),
    'save last, checkpoint 0.0, train 1, save last',
  );
  assert.equal(native.calls.at(-1), 'train 2'); // the checkpoint before it stays
});

test('files that cannot be closed are reported where nothing else went wrong', async (context) => {
  const codes: (string | undefined)[] = [];
  for (const script of [{}, { nonFiniteAt: [3, 1] }] as const) {
    const out = temporaryFolder(context);
    const trainer = trainerOn(new NativeTrainerDouble(script), { out });
    const lock = `${trainer.description.files.directory}.running.json`;
    const run = async function* () {
      for await (const event of trainer.run()) {
        if (event.type === 'start') await rm(lock).then(() => mkdir(lock)); // cannot be removed
        yield event;
      }
    };
    const { error } = await collect(run());
    codes.push(error?.code);
  }
  assert.deepEqual(codes, ['ERR_MOCO_OUTPUT', 'ERR_MOCO_NON_FINITE']);
});

test('a model that cannot be written ends the run', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble();
  native.saveModel = () =>
    Promise.reject(Object.assign(new Error('cannot write x'), { code: 'ERR_MOCO_OUTPUT' }));
  const { error } = await collect(trainerOn(native, { out }).run());
  assert.equal(error?.code, 'ERR_MOCO_OUTPUT');
  assert.deepEqual(native.calls, []);
});

test('a trainer runs once, and not after it was disposed of', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble();
  const trainer = trainerOn(native, { out });
  await collect(trainer.run());
  assert.equal((await collect(trainer.run())).error?.code, 'ERR_MOCO_DISPOSED');
  const disposed = trainerOn(native, { out });
  await disposed.dispose();
  assert.equal((await collect(disposed.run())).error?.code, 'ERR_MOCO_DISPOSED');
});

test('a trainer is disposed of at the end of its block', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble();
  {
    await using trainer = trainerOn(native, { out });
    assert.equal(trainer.config.out, out);
  }
  assert.deepEqual(native.calls, ['dispose']);
});

test('after a run, no listener stays on the signal', async (context) => {
  const out = temporaryFolder(context);
  const { signal } = new AbortController();
  await collect(trainerOn(new NativeTrainerDouble(), { out }).run({ signal }));
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});
