import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { knnCommand } from '#moco/config/knnConfig.js';
import { parseConfig } from '#moco/config/resolve.js';
import { measureKnn } from '#moco/evaluate/knn.js';
import { evaluatorOn, NativeEvaluatorDouble } from '../../support/evaluatorDouble.js';

const config = parseConfig(knnCommand, { k: 7 });

test('all temperatures are measured in one pass, and the first one is the result', async () => {
  const native = new NativeEvaluatorDouble();
  const { top1, top5, temperature, k, results } = await measureKnn(evaluatorOn(native), config, {});
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
  const result = await measureKnn(evaluatorOn(new NativeEvaluatorDouble()), config, {});
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
  const result = await measureKnn(evaluator, config, {});
  assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
  assert.deepEqual(result.description, evaluator.description);
});

test('what there is to know is told before the features are computed', async () => {
  const native = new NativeEvaluatorDouble();
  const evaluator = evaluatorOn(native, { notices: ['not the official bytes'] });
  const events: [string, number][] = [];
  await measureKnn(evaluator, config, {
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
  await measureKnn(evaluatorOn(native), config, {
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
  const running = measureKnn(evaluator, config, { signal });
  controller.abort();
  await assert.rejects(running, { name: 'MocoError', code: 'ERR_MOCO_ABORTED' });
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});

test('a signal that was aborted before lets nothing begin', async () => {
  const native = new NativeEvaluatorDouble();
  const running = measureKnn(evaluatorOn(native), config, { signal: AbortSignal.abort() });
  await assert.rejects(running, { code: 'ERR_MOCO_ABORTED' });
  assert.deepEqual(native.calls, []);
});
