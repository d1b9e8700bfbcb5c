import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '#moco/config/resolve.js';
import { type TrainConfigInput, trainCommand } from '#moco/config/trainConfig.js';
import { MocoError } from '#moco/error.js';

/** What is wrong with a configuration, one line each. */
function problems(config: TrainConfigInput): string[] {
  try {
    parseConfig(trainCommand, config);
  } catch (error) {
    assert.ok(error instanceof MocoError);
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

test('a width gives numbers of channels that kernels can compute', () => {
  for (const width of [0.25, 0.5, 1.25, 4]) assert.deepEqual(problems({ width }), []);
  assert.deepEqual(problems({ width: 0.3 }), ['width: expected a multiple of 0.25, given 0.3']);
});

test('without a projection head, a projection has the length of a feature', () => {
  const arch = 'resnet18';
  assert.deepEqual(problems({ arch, headLayers: 0, featureDim: 512 }), []);
  assert.deepEqual(problems({ arch, headLayers: 0, featureDim: 256, width: 0.5 }), []);
  assert.deepEqual(problems({ headLayers: 0, featureDim: 2048 }), []);
  assert.deepEqual(problems({ headLayers: 0 }), [
    'featureDim: expected 2048, the length of a feature, with headLayers 0, given 128',
  ]);
});

test('a head that is not there has no BatchNorm at its end', () => {
  const head = { headLayers: 0, featureDim: 2048, headLastBatchNorm: 'plain' } as const;
  assert.deepEqual(problems(head), [
    'headLastBatchNorm: expected none with headLayers 0, given "plain"',
  ]);
  assert.deepEqual(problems({ ...head, headLayers: 1 }), []);
});
