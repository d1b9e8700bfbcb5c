import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { knnCommand } from '#moco/config/knnConfig.js';
import { parseConfig } from '#moco/config/resolve.js';
import type { Evaluator } from '#moco/evaluate/createEvaluator.js';
import { type KnnOptions, measureKnn } from '#moco/evaluate/knn.js';
import { StoppableWork } from '#moco/native/stoppableWork.js';
import { evaluatorOn, NativeEvaluatorDouble } from '../../support/evaluatorDouble.js';

const config = parseConfig(knnCommand, { k: 7 });

/** Measures the model of an evaluator. */
const measured = async (evaluator: Evaluator, { onEvent, signal }: KnnOptions = {}) =>
  measureKnn(evaluator, config, onEvent, new StoppableWork('the evaluation', signal));

test('all temperatures are measured in one pass, and the first one is the result', async () => {
  const native = new NativeEvaluatorDouble();
  const { top1, top5, temperature, k, results } = await measured(evaluatorOn(native));
  assert.deepEqual(native.calls, ['knn 7']);
  assert.deepEqual([top1, top5, temperature, k], [87.5, 100, 0.5, 7]);
  assert.deepEqual(
    results.map((result) => [result.temperature, result.top1]),
    [
      [0.5, 87.5],
      [0.1, 86.5],
    ],
  );
});

test('the confusion matrix has a row for each true class, and gives its accuracy', async () => {
  const result = await measured(evaluatorOn(new NativeEvaluatorDouble()));
  assert.deepEqual(result.confusion, [
    [3, 1, 0],
    [0, 4, 0],
    [0, 0, 0],
  ]);
  assert.deepEqual(result.perClass, [
    { class: 'disc', pictures: 4, top1: 75 },
    { class: 'star', pictures: 4, top1: 100 },
    { class: 'ring', pictures: 0 },
  ]);
});

test('the result is plain JSON and says what was measured', async () => {
  const evaluator = evaluatorOn(new NativeEvaluatorDouble());
  const result = await measured(evaluator);
  assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
  assert.deepEqual(result.description, evaluator.description);
});

test('what there is to know is told before the features are computed', async () => {
  const native = new NativeEvaluatorDouble();
  const evaluator = evaluatorOn(native, { notices: ['not the official bytes'] });
  const events: [string, number][] = [];
  await measured(evaluator, {
    onEvent: ({ type }) => void events.push([type, native.calls.length]),
  });
  assert.deepEqual(events, [
    ['start', 0],
    ['warning', 0],
  ]);
});

test('what the addon finds out while it evaluates is told as a warning', async () => {
  const native = new NativeEvaluatorDouble({ warnings: ['no fused kernel for f.0'] });
  const messages: string[] = [];
  await measured(evaluatorOn(native), {
    onEvent: (event) => {
      if (event.type === 'warning') messages.push(event.message);
    },
  });
  assert.deepEqual(messages, ['no fused kernel for f.0']);
});

test('a signal ends the evaluation', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const evaluator = evaluatorOn(new NativeEvaluatorDouble());
  const running = measured(evaluator, { signal });
  controller.abort();
  await assert.rejects(running, { name: 'MocoError', code: 'ERR_MOCO_ABORTED' });
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});

test('a signal that was aborted before lets nothing begin', async () => {
  const native = new NativeEvaluatorDouble();
  const running = measured(evaluatorOn(native), { signal: AbortSignal.abort() });
  await assert.rejects(running, { code: 'ERR_MOCO_ABORTED' });
  assert.deepEqual(native.calls, []);
});

test('a signal that is given while an event is handled lets no more begin', async () => {
  const reason = new Error('enough');
  for (const abortAt of ['start', 'warning']) {
    const native = new NativeEvaluatorDouble();
    const controller = new AbortController();
    const running = measured(evaluatorOn(native, { notices: ['not the official bytes'] }), {
      signal: controller.signal,
      onEvent: ({ type }) => {
        if (type === abortAt) controller.abort(reason);
      },
    });
    await assert.rejects(running, {
      code: 'ERR_MOCO_ABORTED',
      message: 'the evaluation was stopped',
      cause: reason,
    });
    assert.deepEqual(native.calls, []);
  }
});
