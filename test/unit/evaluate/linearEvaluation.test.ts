import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type LinearConfigInput, linearCommand } from '#moco/config/linearConfig.js';
import { parseConfig } from '#moco/config/resolve.js';
import { linearEvaluation } from '#moco/evaluate/linearEvaluation.js';
import type { LinearEvent } from '#moco/evaluate/linearEvents.js';
import { StoppableWork } from '#moco/native/stoppableWork.js';
import { collect } from '../../support/collect.js';
import { evaluatorOn, NativeEvaluatorDouble, type Script } from '../../support/evaluatorDouble.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

interface Setting extends LinearConfigInput {
  readonly notices?: string[];
  readonly validationPictures?: number;
}

/** An evaluation with a double, before it begins. */
async function prepared(context: TestContext, script: Script, setting: Setting = {}) {
  const { notices = [], validationPictures = 0, ...input } = setting;
  const out = input.out ?? temporaryFolder(context);
  const config = parseConfig(linearCommand, { epochs: 3, batchSize: 16, ...input, out });
  const native = new NativeEvaluatorDouble(script);
  const evaluator = evaluatorOn(native, { notices, validationPictures });
  const run = async function* (signal?: AbortSignal) {
    yield* linearEvaluation(evaluator, config, out, new StoppableWork('the evaluation', signal));
  };
  return { out, config, native, run };
}

const types = (events: readonly LinearEvent[]) => events.map(({ type }) => type);

const pick = <T extends LinearEvent['type']>(events: readonly LinearEvent[], type: T) =>
  events.filter((event): event is Extract<LinearEvent, { type: T }> => event.type === type);

/** How many jobs there are among the calls, without those that write. */
const computed = (calls: readonly string[]) =>
  calls.filter((call) => !call.startsWith('save')).length;

const statistics = (out: string) => readFile(join(out, 'linear_statistics.csv'), 'utf8');

test('an evaluation tells of every step, then of its epoch, its model and its worth', async (context) => {
  const script = { testTop1: [30, 20] };
  const { run } = await prepared(context, script, { epochs: 2, notices: ['not official'] });
  const { events, error } = await collect(run());
  assert.equal(error, undefined);
  const steps = ['step', 'step', 'step', 'step'];
  assert.deepEqual(types(events), [
    ...['start', 'warning'],
    ...[...steps, 'epoch', 'model', 'evaluation', 'model'],
    ...[...steps, 'epoch', 'model', 'evaluation'],
    'done',
  ]);
});

test('a step says where it is; the last one of an epoch has the pictures that are left', async (context) => {
  const { run } = await prepared(context, {});
  const steps = pick((await collect(run())).events, 'step');
  assert.deepEqual(steps[6], {
    type: 'step',
    epoch: 2,
    epochs: 3,
    step: 3,
    stepsPerEpoch: 4,
    loss: 2.375,
    picturesPerSecond: 32,
    secondsLeft: steps[6]?.secondsLeft,
  });
  assert.equal(steps[7]?.picturesPerSecond, 24);
});

test('the classifier is trained as the configuration says', async (context) => {
  const changes = { learningRate: 0.1, frozenBn: true };
  const { config, native, run } = await prepared(context, {}, changes);
  await collect(run());
  assert.deepEqual(native.linearConfig, config);
});

test("the statistics have the reference's name and columns, and are whole after every epoch", async (context) => {
  const { out, run } = await prepared(context, { testTop1: [12.5, 40, 30] });
  const lines: number[] = [];
  for await (const event of run()) {
    if (event.type !== 'evaluation') continue;
    lines.push((await statistics(out)).trimEnd().split('\n').length);
  }
  assert.deepEqual(lines, [2, 3, 4]);
  assert.deepEqual((await statistics(out)).split('\n').slice(0, 2), [
    'epoch,train_loss,train_acc@1,train_acc@5,test_loss,test_acc@1,test_acc@5',
    '1,1.3125,1.0,50.0,0.5,12.5,90.0',
  ]);
  assert.deepEqual((await readdir(out)).sort(), [
    'linear_last_model.pth',
    'linear_model.pth',
    'linear_statistics.csv',
  ]);
});

test('the best model is written only when test top-1 is strictly better, the last one always', async (context) => {
  const script = { testTop1: [0, 40, 40, 39.9, 40.1] };
  const { out, run } = await prepared(context, script, { epochs: 5 });
  const { events } = await collect(run());
  const saved = (kind: string) =>
    pick(events, 'model').flatMap((event) => (event.kind === kind ? [event.epoch] : []));
  assert.deepEqual(saved('best'), [1, 2, 5]);
  assert.deepEqual(saved('last'), [1, 2, 3, 4, 5]);
  const [done] = pick(events, 'done');
  assert.equal(done?.chosenBy, 'test');
  assert.deepEqual([done?.best.epoch, done?.best.test.top1], [5, 40.1]);
  assert.equal(done?.files.model, join(out, 'linear_model.pth'));
});

test('with validation, the best model is the one that is best there', async (context) => {
  const script = { testTop1: [50, 20, 30], validationTop1: [10, 30, 20] };
  const { out, run } = await prepared(context, script, { validation: 6, validationPictures: 6 });
  const { events } = await collect(run());
  assert.deepEqual(
    pick(events, 'evaluation').map(({ isBest }) => isBest),
    [true, true, false],
  );
  const [done] = pick(events, 'done');
  assert.equal(done?.chosenBy, 'validation');
  assert.deepEqual([done?.best.validation?.top1, done?.best.test.top1], [30, 20]);
  const [header, first] = (await statistics(out)).split('\n');
  assert.match(header as string, /,test_acc@5,validation_loss,validation_acc@1,validation_acc@5$/);
  assert.equal(first, '1,1.3125,1.0,50.0,0.5,50.0,90.0,0.25,10.0,90.0');
});

test('files of an earlier evaluation are moved aside, never overwritten', async (context) => {
  const { out, run } = await prepared(context, {});
  await writeFile(join(out, 'linear_model.pth'), 'theirs');
  await writeFile(join(out, 'linear_cached.csv'), 'stays');
  const { events } = await collect(run());
  const moved = join(out, 'linear.previous.1');
  assert.deepEqual(
    pick(events, 'warning').map(({ message }) => message),
    [`files of an earlier evaluation were moved to ${moved}`],
  );
  assert.equal(await readFile(join(moved, 'linear_model.pth'), 'utf8'), 'theirs');
  assert.equal(await readFile(join(out, 'linear_cached.csv'), 'utf8'), 'stays');
});

test('what a killed evaluation left half-written is removed, and nothing else', async (context) => {
  const out = temporaryFolder(context);
  for (const [cached, left] of [
    [false, ['.linear_model.pth.0123abcd.tmp', '.linear_statistics.csv.89abcdef.tmp']],
    [true, ['.linear_cached.csv.0123abcd.tmp']],
  ] as const) {
    for (const name of [...left, '.mine.0123abcd.tmp']) await writeFile(join(out, name), '');
    const probes = [[0.1, 50, 1]] as const;
    const { run } = await prepared(context, { probes }, { out, cached, validationPictures: 10 });
    assert.equal((await collect(run())).error, undefined);
    const names = await readdir(out);
    assert.deepEqual(
      names.filter((name) => name.endsWith('.tmp')),
      ['.mine.0123abcd.tmp'],
    );
  }
});

test('a second evaluation with the same folder is refused, and the first one goes on', async (context) => {
  const { out, run } = await prepared(context, {});
  const second = await prepared(context, {}, { out });
  for await (const { type } of run()) {
    if (type !== 'start') continue;
    const { error } = await collect(second.run());
    assert.equal(error?.code, 'ERR_MOCO_OUTPUT');
    assert.match(error?.message ?? '', /^cannot write .*linear: process \d+ .* writes the same/);
  }
  assert.deepEqual(second.native.calls, []);
  assert.equal((await statistics(out)).trimEnd().split('\n').length, 4);
});

test('an aborted signal ends the evaluation after its current step', async (context) => {
  const { out, native, run } = await prepared(context, {});
  const controller = new AbortController();
  const { signal } = controller;
  const events: LinearEvent[] = [];
  const running = async () => {
    for await (const event of run(signal)) {
      events.push(event);
      if (event.type === 'step' && event.epoch === 2) controller.abort(new Error('enough'));
    }
  };
  await assert.rejects(running, { name: 'MocoError', code: 'ERR_MOCO_ABORTED' });
  assert.equal(native.isRunning, false);
  assert.equal(pick(events, 'step').filter(({ epoch }) => epoch === 2).length, 1);
  assert.equal((await statistics(out)).trimEnd().split('\n').length, 2);
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});

for (const cached of [false, true]) {
  test(`a signal that is given while any event is handled lets no more begin${cached ? ', with cached' : ''}`, async (context) => {
    const script = { probes: [[0.1, 50, 1]] } as const;
    const setting = { cached, epochs: 2, validationPictures: 10, notices: ['not official'] };
    const whole = await collect((await prepared(context, script, setting)).run());
    for (let abortAt = 0; abortAt < whole.events.length - 1; abortAt++) {
      const { native, run } = await prepared(context, script, setting);
      const controller = new AbortController();
      let handled = 0;
      let begun = 0;
      const running = async () => {
        for await (const _event of run(controller.signal)) {
          if (handled++ === abortAt) controller.abort();
          if (handled > abortAt) begun ||= computed(native.calls);
        }
      };
      const last = whole.events.slice(abortAt + 1).every(({ type }) => /model|done/.test(type));
      await (last ? running() : assert.rejects(running, { code: 'ERR_MOCO_ABORTED' }));
      assert.equal(computed(native.calls), begun);
    }
  });
}

test('a signal that was aborted before leaves nothing behind', async (context) => {
  const { out, native, run } = await prepared(context, {});
  const { error } = await collect(run(AbortSignal.abort()));
  assert.equal(error?.code, 'ERR_MOCO_ABORTED');
  assert.deepEqual([native.calls, await readdir(out)], [[], []]);
});

test('leaving the loop ends the native epoch before the loop is left', async (context) => {
  const { native, run } = await prepared(context, {});
  for await (const event of run()) if (event.type === 'step') break;
  assert.equal(native.isRunning, false);
  assert.deepEqual(native.calls, ['start', 'train 1']);
});

test('a loss that is not finite ends the evaluation and leaves the last good model', async (context) => {
  const { out, run } = await prepared(context, { nonFiniteAt: [2, 4] });
  const { events, error } = await collect(run());
  assert.equal(error?.code, 'ERR_MOCO_NON_FINITE');
  assert.equal(error?.message, 'epoch 2, step 4: the loss is NaN');
  assert.deepEqual(types(events).slice(-3), ['step', 'step', 'step']);
  const model = await readFile(join(out, 'linear_last_model.pth'), 'utf8');
  assert.equal(model, 'start, train 1, save last');
});

test('what the addon finds out is told once, after the first evaluation', async (context) => {
  const { run } = await prepared(context, { warnings: ['no fused kernel for f.0'] });
  const told = types((await collect(run())).events).filter((type) => !/step|model/.test(type));
  assert.deepEqual(told.slice(0, 5), ['start', 'epoch', 'evaluation', 'warning', 'epoch']);
  assert.equal(told.filter((type) => type === 'warning').length, 1);
});

const PROBES: NonNullable<Script['probes']> = [
  [0.001, 50, 1],
  [0.01, 60, 0.9],
  [0.1, 60, 0.8],
  [1, 59, 0.1],
];

/** A sweep over the learning rates of some probes. */
const swept = (context: TestContext, probes: NonNullable<Script['probes']>) =>
  prepared(
    context,
    { probes },
    { cached: true, validationPictures: 6, learningRates: probes.map(([rate]) => rate) },
  );

test('cached tries every learning rate and chooses on the validation pictures', async (context) => {
  const { config, native, run } = await swept(context, PROBES);
  const { events } = await collect(run());
  assert.deepEqual(types(events), ['start', 'sweep']);
  assert.deepEqual(native.calls, ['sweep']);
  assert.deepEqual(native.linearConfig, config);
  const [sweep] = pick(events, 'sweep');
  assert.deepEqual([sweep?.chosen.learningRate, sweep?.chosen.test.top1], [0.1, 59]);
  assert.equal(sweep?.probes.length, 4);
});

test('cached writes one line per learning rate, and moves an earlier table aside', async (context) => {
  const { out, run } = await swept(context, PROBES);
  await writeFile(join(out, 'linear_cached.csv'), 'earlier');
  await writeFile(join(out, 'linear_statistics.csv'), 'stays');
  const { events } = await collect(run());
  assert.deepEqual(types(events), ['start', 'warning', 'sweep']);
  assert.deepEqual(
    (await readFile(join(out, 'linear_cached.csv'), 'utf8')).split('\n').slice(0, 2),
    [
      'learning_rate,train_loss,train_acc@1,train_acc@5,test_loss,test_acc@1,test_acc@5,validation_loss,validation_acc@1,validation_acc@5',
      '0.001,0.5,49.0,99.0,0.5,49.0,99.0,1.0,50.0,98.0',
    ],
  );
  const moved = join(out, 'linear_cached.previous.1', 'linear_cached.csv');
  assert.equal(await readFile(moved, 'utf8'), 'earlier');
  assert.equal(await statistics(out), 'stays');
});

test('cached tells what the addon found out before its result', async (context) => {
  const { run } = await prepared(
    context,
    { probes: PROBES, warnings: ['no fused kernel for f.0'] },
    { cached: true, validationPictures: 6, learningRates: PROBES.map(([rate]) => rate) },
  );
  assert.deepEqual(types((await collect(run())).events), ['start', 'warning', 'sweep']);
});

test('a probe whose accuracy is not a number is never chosen', async (context) => {
  const ruined = [Number.NaN, Number.NaN] as const;
  const { run } = await swept(context, [
    [1, ...ruined],
    [0.1, 20, 2],
    [10, ...ruined],
  ]);
  const [sweep] = pick((await collect(run())).events, 'sweep');
  assert.equal(sweep?.chosen.learningRate, 0.1);
});
