import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrainEvent } from '#moco/train/events.js';
import { addonError } from '../../support/addonError.js';
import { collect } from '../../support/collect.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { NativeTrainerDouble, STEPS_PER_EPOCH, trainerOn } from '../../support/trainerDouble.js';

const types = (events: readonly TrainEvent[]) => events.map(({ type }) => type);

const pick = <T extends TrainEvent['type']>(events: readonly TrainEvent[], type: T) =>
  events.filter((event): event is Extract<TrainEvent, { type: T }> => event.type === type);

/** The types of a run's own events, without those of files, which come when the files are whole. */
const course = (events: readonly TrainEvent[]) =>
  types(events).filter((type) => type !== 'model' && type !== 'checkpoint');

/** The files that events tell of, in order. */
const files = (events: readonly TrainEvent[]) =>
  events.flatMap((event) => {
    if (event.type === 'model') return [`${event.kind} ${event.epoch}`];
    return event.type === 'checkpoint' ? [`checkpoint ${event.epoch}.${event.step}`] : [];
  });

test('a run tells of every step, then of its epoch and its evaluation, and of its files', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble({ top1: [30, 20] });
  const { events, error } = await collect(trainerOn(native, { out, epochs: 2 }).run());
  assert.equal(error, undefined);
  const epoch = [...Array(STEPS_PER_EPOCH).fill('step'), 'epoch', 'evaluation'];
  assert.deepEqual(course(events), ['start', ...epoch, ...epoch, 'done']);
  assert.deepEqual(files(events), [
    ...['last 0', 'checkpoint 0.0'],
    ...['best 1', 'last 1', 'checkpoint 1.0'],
    ...['last 2', 'checkpoint 2.0'],
  ]);
  assert.equal(types(events).at(-1), 'done');
  assert.equal(native.openSnapshots, 0);
});

test('a run goes on while its files are written, and the next ones wait for them', async (context) => {
  const out = temporaryFolder(context);
  let release = () => {};
  const isReleased = new Promise<void>((resolve) => {
    release = resolve;
  });
  const native = new NativeTrainerDouble({
    onWrite: (what) => (what === 'checkpoint 0.0' ? isReleased : undefined),
  });
  const seen: TrainEvent[] = [];
  let stepsBefore: number | undefined;
  for await (const event of trainerOn(native, { out, epochs: 2 }).run()) {
    seen.push(event);
    if (event.type === 'checkpoint') stepsBefore ??= pick(seen, 'step').length;
    if (event.type !== 'evaluation' || event.epoch > 1) continue;
    assert.deepEqual(files(seen), ['last 0']);
    setTimeout(() => {
      assert.deepEqual(native.calls, ['snapshot', 'train 1', 'evaluate']);
      release();
    }, 20);
  }
  // The copy of the second state waits for the first one's file, and so does the second epoch.
  assert.ok((stepsBefore as number) >= STEPS_PER_EPOCH);
  const epoch = (number: number) => [`train ${number}`, 'evaluate', 'snapshot'];
  assert.deepEqual(native.calls, ['snapshot', ...epoch(1), ...epoch(2)]);
  const before = ['last 0', 'checkpoint 0.0', 'best 1', 'last 1', 'checkpoint 1.0'];
  assert.deepEqual(files(seen), [...before, 'best 2', 'last 2', 'checkpoint 2.0']);
});

test('epochs without anything to save do not wait for the files of an earlier one', async (context) => {
  const out = temporaryFolder(context);
  let release = () => {};
  const isReleased = new Promise<void>((resolve) => {
    release = resolve;
  });
  const native = new NativeTrainerDouble({ onWrite: () => isReleased });
  const config = { out, epochs: 3, evalEvery: 3, checkpointEvery: 3 };
  for await (const event of trainerOn(native, config).run()) {
    if (event.type !== 'evaluation') continue;
    assert.deepEqual(native.calls, ['snapshot', 'train 1', 'train 2', 'train 3', 'evaluate']);
    assert.deepEqual(native.written, []);
    release();
  }
  assert.deepEqual(native.written.slice(-2), ['last', 'checkpoint 3.0']);
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
    seconds: 0.5,
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

test('a run that waits for cores warns of it once, between its steps', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble({ secondsWithoutCore: 0.2 });
  const { events } = await collect(trainerOn(native, { out, epochs: 30, momentum: 0.99 }).run());
  const [warning, ...more] = pick(events, 'warning');
  assert.match(warning?.message ?? '', /^40 % of the time, this run waits for a core/);
  assert.deepEqual(more, []);
});

test('a run whose loss is that of guessing warns of it once', async (context) => {
  const out = temporaryFolder(context);
  // The losses of the double are more than one, and guessing among one negative gives less.
  const { events } = await collect(
    trainerOn(new NativeTrainerDouble(), { out, m: 1, momentum: 0.99, epochs: 160 }).run(),
  );
  const [warning, ...more] = pick(events, 'warning');
  assert.match(warning?.message ?? '', /^the run has collapsed, .* ln\(1 \+ m\) = 0\.693/);
  assert.deepEqual(more, []);
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
    pick(events, 'evaluation').map((event) => event.best?.epoch),
    [1, 2, 2, 2, 5],
  );
  const [done] = pick(events, 'done');
  assert.deepEqual(done?.best, {
    ...{ epoch: 5, by: 'knn', value: 40.1 },
    ...{ top1: 40.1, top5: 90 },
  });
  assert.deepEqual([done?.peakMemoryBytes, done?.heldMemoryBytes], [300, 320]);
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
  const afterSteps = course(events).filter((type) => type !== 'step');
  assert.deepEqual(afterSteps.slice(1, 4), ['epoch', 'epoch', 'evaluation']);
  assert.deepEqual(pick(events, 'done')[0]?.best, {
    ...{ epoch: 5, by: 'knn', value: 50 },
    ...{ top1: 50, top5: 90 },
  });
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
    if (event.type === 'model' || event.type === 'checkpoint') continue;
    seen.push(event.type === 'warning' ? event.message : event.type);
    if (event.type === 'step' && event.step === STEPS_PER_EPOCH) warnings.push('no graph');
    if (event.type === 'evaluation') warnings.push('none of evaluations, either');
  }
  assert.deepEqual(seen.slice(0, 2), ['start', 'the run should take more']);
  const evaluation = ['evaluation', 'none of evaluations, either', 'done'];
  assert.deepEqual(seen.slice(5), ['step', 'no graph', 'epoch', ...evaluation]);
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
  const command = `moco train --resume ${directory}`;
  assert.ok(error?.hint?.endsWith(`\nThen go on from the newest checkpoint with: ${command}`));
  assert.deepEqual(native.calls.slice(native.calls.indexOf('train 2')), ['train 2', 'dispose']);
  assert.equal(native.openSnapshots, 0);
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
  const first = ['train 1', 'evaluate', 'snapshot'];
  assert.deepEqual(native.calls, ['snapshot', ...first, 'train 2', 'snapshot']);
  assert.deepEqual(native.written, [
    ...['last', 'checkpoint 0.0'],
    ...['best', 'last', 'checkpoint 1.0'],
    ...['last', 'checkpoint 1.2'],
  ]);
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

test('a signal that is given while any event is handled lets nothing more be computed', async (context) => {
  const computed = (native: NativeTrainerDouble) =>
    native.calls.filter((call) => /train|evaluate/.test(call)).length;
  // Files are whole at moments of their own, so that every run has its own order of events.
  let wasLast = false;
  for (let abortAt = 0; !wasLast; abortAt++) {
    const native = new NativeTrainerDouble();
    const controller = new AbortController();
    let handled = 0;
    let begun = 0;
    const running = async () => {
      const out = temporaryFolder(context);
      const trainer = trainerOn(native, { epochs: 2, checkpointEvery: 2, out });
      for await (const event of trainer.run({ signal: controller.signal })) {
        const at = handled++;
        if (at > abortAt) continue;
        wasLast ||= event.type === 'evaluation' && event.epoch === 2; // nothing is left to compute
        if (at < abortAt) continue;
        controller.abort();
        begun = computed(native);
      }
    };
    const error = await running().catch((thrown) => thrown);
    if (!wasLast) assert.equal(error?.code, 'ERR_MOCO_ABORTED');
    assert.equal(computed(native), begun);
    assert.equal(native.written.at(-1)?.startsWith('checkpoint'), true);
  }
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
  assert.equal(course(events).at(-1), 'evaluation');
  assert.deepEqual(native.written.slice(-3), ['best', 'last', 'checkpoint 1.0']);
});

test('leaving the loop at a new best epoch writes its model before the checkpoint that names it', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble();
  const trainer = trainerOn(native, { out });
  for await (const event of trainer.run()) {
    if (event.type === 'evaluation' && event.epoch === 2) break;
  }
  assert.deepEqual(native.written.slice(-3), ['best', 'last', 'checkpoint 2.0']);
  const model = await readFile(trainer.description.files.model, 'utf8');
  assert.match(model, /train 2, evaluate, snapshot"/);
});

test('leaving the loop ends the native epoch before the loop is left', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble();
  for await (const event of trainerOn(native, { out }).run()) if (event.type === 'step') break;
  assert.equal(native.isRunning, false);
  assert.deepEqual(native.calls, ['snapshot', 'train 1', 'snapshot']);
  assert.match(native.written.at(-1) as string, /^checkpoint 0\.[234]$/);
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
  assert.deepEqual(pick(events, 'model')[0], { type: 'model', kind: 'last', epoch: 0, path });
});

test('a loss that is not finite ends the run and leaves the last good model', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble({ nonFiniteAt: [2, 4] });
  const trainer = trainerOn(native, { out });
  const { events, error } = await collect(trainer.run());
  assert.equal(error?.code, 'ERR_MOCO_NON_FINITE');
  assert.equal(error?.message, 'epoch 2, step 4: the loss is NaN');
  assert.equal(error?.hint, 'about ERR_MOCO_NON_FINITE');
  assert.deepEqual(course(events).slice(-4), ['evaluation', 'step', 'step', 'step']);
  const model = await readFile(trainer.description.files.lastModel, 'utf8');
  assert.match(model, /"snapshot, train 1, evaluate, snapshot"/);
  assert.equal(native.written.at(-1), 'checkpoint 1.0');
  assert.equal(native.calls.at(-1), 'train 2'); // the checkpoint before it stays
});

test('a model that cannot be written ends the run', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble({
    onWrite: () => Promise.reject(addonError('ERR_MOCO_OUTPUT', 'cannot write x')),
  });
  const { events, error } = await collect(trainerOn(native, { out }).run());
  assert.equal(error?.code, 'ERR_MOCO_OUTPUT');
  assert.equal(error?.message, 'cannot write x');
  assert.deepEqual([native.written, files(events)], [[], []]);
  assert.ok(!native.calls.includes('train 2'));
  assert.equal(native.openSnapshots, 0);
});

test('files that cannot be written end a run that is left or stopped, too', async (context) => {
  for (const end of ['leave', 'abort']) {
    const controller = new AbortController();
    const native = new NativeTrainerDouble({
      onWrite: (what) => {
        if (what === 'checkpoint 1.0') throw addonError('ERR_MOCO_OUTPUT', 'cannot write x');
      },
    });
    const run = async () => {
      const trainer = trainerOn(native, { out: temporaryFolder(context) });
      for await (const event of trainer.run({ signal: controller.signal })) {
        if (event.type !== 'evaluation') continue;
        if (end === 'leave') break;
        controller.abort();
      }
    };
    await assert.rejects(run, { name: 'MocoError', code: 'ERR_MOCO_OUTPUT' });
    assert.equal(native.openSnapshots, 0);
  }
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

test('a run of a number of steps ends in the middle of its last epoch, with an evaluation', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble();
  const input = { out, trainLimit: 64, steps: 10, evalEvery: 2 };
  const { events } = await collect(trainerOn(native, input).run());
  const steps = pick(events, 'step');
  assert.deepEqual(
    steps.map(({ epoch, step, stepsPerEpoch }) => `${epoch}.${step}/${stepsPerEpoch}`),
    [
      ...['1.1/4', '1.2/4', '1.3/4', '1.4/4', '2.1/4', '2.2/4', '2.3/4', '2.4/4'],
      ...['3.1/2', '3.2/2'],
    ],
  );
  assert.equal(pick(events, 'evaluation').at(-1)?.secondsLeft, 0);
  assert.deepEqual(
    pick(events, 'evaluation').map(({ epoch }) => epoch),
    [2, 3],
  );
  assert.deepEqual(pick(events, 'done')[0]?.epochs, 3);
});

test('the untrained encoder is evaluated first, where that is asked for, and is never the best', async (context) => {
  const out = temporaryFolder(context);
  const native = new NativeTrainerDouble({ untrainedTop1: 99, top1: [30, 20, 10] });
  const { events } = await collect(trainerOn(native, { out, evalUntrained: true }).run());
  assert.deepEqual(course(events).slice(0, 3), ['start', 'evaluation', 'step']);
  const [untrained, first] = pick(events, 'evaluation');
  assert.deepEqual(
    [untrained?.epoch, untrained?.top1, untrained?.isBest, untrained?.best],
    [0, 99, false, undefined],
  );
  assert.deepEqual([first?.epoch, first?.isBest], [1, true]);
  const done = pick(events, 'done')[0];
  assert.deepEqual([done?.best.epoch, done?.best.top1, done?.untrainedTop1], [1, 30, 99]);
  assert.deepEqual(files(events).slice(0, 3), ['last 0', 'checkpoint 0.0', 'best 1']);
});
