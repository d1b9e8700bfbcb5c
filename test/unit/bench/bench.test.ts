import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { benchOn } from '#moco/bench/bench.js';
import type { BenchEvent } from '#moco/bench/events.js';
import { profileStepOn } from '#moco/bench/profile.js';
import { spread } from '#moco/bench/summary.js';
import { type BenchConfigInput, benchCommand } from '#moco/config/benchConfig.js';
import { parseConfig } from '#moco/config/resolve.js';
import { benchmarkAddon } from '../../support/benchmarkDouble.js';

const configured = (changes: BenchConfigInput = {}) =>
  parseConfig(benchCommand, { batchSize: 10, rounds: 2, k: 20, ...changes });

test('everything is measured in turn in each round, after a round with a small bank', async () => {
  const addon = benchmarkAddon();
  await benchOn(addon, configured({ bank: 5000, queries: 100 }), {});
  const round = (bank: number) => [
    ...['fp32 product', 'fp32 phases', 'fp32 extraction'],
    ...['bf16 product', 'bf16 phases', 'bf16 extraction'],
    ...['fp32 augmentation', `fp32 knn ${bank} × 100, k 20`],
  ];
  assert.deepEqual(addon.calls, [
    ...round(1000),
    ...round(5000),
    ...round(5000),
    ...['fp32 operators', 'bf16 operators'],
    ...['fp32 dispose', 'bf16 dispose'],
  ]);
});

test('the round of warm-up does not count, and shares are of the same round’s matrix product', async () => {
  const addon = benchmarkAddon({ flops: [1, 1e6, 4e6], stepSeconds: [100, 1, 0.5] });
  const { precisions } = await benchOn(addon, configured({ precision: 'fp32' }), {});
  const [{ matrixProduct, step, extraction } = assert.fail()] = precisions;
  assert.deepEqual(matrixProduct.flops, { median: 2.5e6, least: 1e6, most: 4e6 });
  assert.deepEqual(step.picturesPerSecond, { median: 15, least: 10, most: 20 });
  // A step costs four forward passes of 1000 multiply-adds, each two operations.
  assert.deepEqual(step.flops, { median: 120_000, least: 80_000, most: 160_000 });
  assert.deepEqual(step.shareOfMatrixProduct, { median: 0.06, least: 0.04, most: 0.08 });
  // The backbone alone has 900 multiply-adds.
  assert.deepEqual(extraction.flops, { median: 7200, least: 7200, most: 7200 });
});

test('what happens first in a process is told by the round of warm-up', async () => {
  const { precisions } = await benchOn(benchmarkAddon(), configured(), {});
  const first = precisions.map(({ step, extraction }) => [
    step.firstSeconds,
    extraction.firstSeconds,
  ]);
  assert.deepEqual(first, [
    [6, 4],
    [6, 4],
  ]);
});

test('a step is divided into its phases, and what is left', async () => {
  const { precisions } = await benchOn(benchmarkAddon(), configured(), {});
  const { other, ...phases } = precisions[0]?.step.phases ?? assert.fail();
  assert.deepEqual(phases, { wait: 0.01, input: 0.02, forward: 0.3, backward: 0.6, update: 0.05 });
  assert.ok(Math.abs(other - 0.02) < 1e-12);
  assert.equal(precisions[0]?.step.convolutions, 0.75);
});

test('a device whose own choice is fp32 has no other precision', async () => {
  const addon = benchmarkAddon({ auto: 'fp32' });
  const { description, precisions } = await benchOn(addon, configured(), {});
  assert.deepEqual(description.precisions, ['fp32']);
  assert.equal(description.precisionReason, 'as the double likes it');
  assert.equal(precisions.length, 1);
  assert.deepEqual(
    addon.calls.filter((call) => call.endsWith('dispose')),
    ['fp32 dispose', 'fp32 dispose'],
  );
});

test('the result is plain JSON and says what was measured on what', async () => {
  const events: BenchEvent[] = [];
  const config = configured();
  const result = await benchOn(benchmarkAddon(), config, {
    onEvent: (event) => void events.push(event),
  });
  assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
  const { description, knn, augmentation, memory } = result;
  assert.deepEqual(events[0], { type: 'start', config, description });
  assert.deepEqual(events[1], {
    ...{ type: 'measuring', round: 0, rounds: 2, measurement: 'matrix product', precision: 'fp32' },
  });
  assert.equal(description.libtorchVersion, '2.13.0');
  assert.equal(knn.seconds.median, 2);
  assert.equal(augmentation.secondsPerView.median, 4e-5);
  assert.deepEqual(memory, { inUse: 1, cached: 2, peak: 3e9, held: 4e9 });
});

test('a signal ends the measurement that runs, and everything is disposed of', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const addon = benchmarkAddon();
  const running = benchOn(addon, configured(), {
    signal,
    onEvent: (event) => {
      if (event.type === 'measuring' && event.round === 1) setImmediate(() => controller.abort());
    },
  });
  await assert.rejects(running, { code: 'ERR_MOCO_ABORTED', message: 'the benchmark was stopped' });
  assert.deepEqual(addon.calls.slice(-2), ['fp32 dispose', 'bf16 dispose']);
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});

test('a signal that was aborted before lets nothing begin', async () => {
  const addon = benchmarkAddon();
  const running = benchOn(addon, configured(), { signal: AbortSignal.abort() });
  await assert.rejects(running, { code: 'ERR_MOCO_ABORTED' });
  assert.deepEqual(addon.calls, []);
});

for (const [name, measure] of Object.entries({ benchOn, profileStepOn })) {
  test(`${name}: a signal that is given while any event is handled lets no more begin`, async () => {
    let count = 0;
    await measure(benchmarkAddon(), configured({ rounds: 1 }), { onEvent: () => void count++ });
    for (let abortAt = 0; abortAt < count; abortAt++) {
      const addon = benchmarkAddon();
      const controller = new AbortController();
      let handled = 0;
      let begun: number | undefined;
      const running = measure(addon, configured({ rounds: 1 }), {
        signal: controller.signal,
        onEvent: async () => {
          if (handled++ !== abortAt) return;
          await nextTurn();
          controller.abort();
          begun = addon.calls.length;
        },
      });
      await assert.rejects(running, { code: 'ERR_MOCO_ABORTED' });
      assert.deepEqual(addon.calls.slice(begun), ['fp32 dispose', 'bf16 dispose']);
    }
  });
}

test('what an event handler throws, also later, ends the measurement', async () => {
  const running = benchOn(benchmarkAddon(), configured(), {
    onEvent: async ({ type }) => {
      await nextTurn();
      if (type === 'measuring') throw new RangeError('mine');
    },
  });
  await assert.rejects(running, new RangeError('mine'));
});

test('a profile lists the operators per step, the longest first', async () => {
  const result = await profileStepOn(benchmarkAddon(), configured({ precision: 'bf16' }), {});
  const [{ precision, steps, secondsPerStep, convolutions, operators } = assert.fail()] =
    result.profiles;
  assert.deepEqual([precision, steps, secondsPerStep, convolutions], ['bf16', 2, 1, 0.75]);
  assert.deepEqual(
    operators.map(({ name, phase, callsPerStep, share }) => [name, phase, callsPerStep, share]),
    [
      ['aten::convolution_backward', 'backward', 10, 0.5],
      ['aten::mkldnn_convolution', 'forward', 20, 0.25],
      ['aten::empty', 'other', 1, 0.1],
      ['aten::mm', 'forward', 2, 0.05],
    ],
  );
});

test('more neighbours than the bank has are refused', () => {
  assert.throws(() => parseConfig(benchCommand, { bank: 100 }), {
    message: /k: expected at most bank \(100\), given 200/,
  });
});

test('the median of an even number is between the middle ones', () => {
  assert.deepEqual(spread([4, 1, 3, 2]), { median: 2.5, least: 1, most: 4 });
  assert.deepEqual(spread([7]), { median: 7, least: 7, most: 7 });
});
