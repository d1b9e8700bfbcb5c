import assert from 'node:assert/strict';
import { test } from 'node:test';
import { machineLines } from '#moco/cli/headerText.js';
import { evaluatorOn, NativeEvaluatorDouble } from '../../support/evaluatorDouble.js';

const { description } = evaluatorOn(new NativeEvaluatorDouble());

test('where a GPU computes, the header says what makes the views, and why', () => {
  const gpu = { device: 'cuda:0', deviceName: 'double' };
  const views = { viewsDevice: 'cuda:0', viewsReason: 'the data set, 0.18 GB, lies there' };
  assert.deepEqual(machineLines({ ...description, ...gpu, ...views }), [
    'moco 0.0.0, LibTorch 2.13.0',
    'device  cuda:0 (double), 1 compute thread, 1 data thread',
    '        fp32: as asked',
    '        views made by cuda:0: the data set, 0.18 GB, lies there',
  ]);
});
