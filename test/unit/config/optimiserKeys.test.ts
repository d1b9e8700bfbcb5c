import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig, resolveConfig } from '#moco/config/resolve.js';
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

test("Nesterov's momentum is of sgd and lars, where they have momentum", () => {
  for (const optimiser of ['sgd', 'lars'] as const) {
    assert.deepEqual(problems({ optimiser, nesterov: true }), []);
    assert.deepEqual(problems({ optimiser, nesterov: true, optimiserMomentum: 0 }), [
      'nesterov: expected false with optimiserMomentum 0',
    ]);
  }
  assert.deepEqual(problems({ nesterov: true }), [
    "nesterov: expected false with optimiser adam: it is a form of sgd's and lars's momentum",
  ]);
});

test('schedule step needs to know when', () => {
  assert.deepEqual(problems({ schedule: 'step' }), [
    'stepEpochs: expected at least one epoch with schedule step, given none',
  ]);
  assert.deepEqual(problems({ schedule: 'step', stepEpochs: [120, 160] }), []);
  assert.deepEqual(problems({ schedule: 'cosine', stepEpochs: [120] }), []);
});

test('a warm-up fits in the run, and one cycle has its own', () => {
  assert.deepEqual(problems({ schedule: 'cosine', warmupEpochs: 0.5, epochs: 1 }), []);
  assert.deepEqual(problems({ warmupEpochs: 11, epochs: 10 }), [
    "warmupEpochs: expected at most the run's 10 epochs, given 11",
  ]);
  assert.deepEqual(problems({ schedule: 'one-cycle', warmupEpochs: 1 }), [
    'warmupEpochs: expected 0 with schedule one-cycle, which has a warm-up of its own, given 1',
  ]);
});

test('flags set the optimiser, and a list of epochs', async () => {
  const flags = [
    { flag: '--schedule', text: 'step' },
    { flag: '--step-epochs', text: '120,160.5' },
    { flag: '--no-decay-norm-and-bias', text: 'false' },
  ];
  const { schedule, stepEpochs, decayNormAndBias } = await resolveConfig(trainCommand, { flags });
  assert.deepEqual(
    { schedule, stepEpochs, decayNormAndBias },
    {
      schedule: 'step',
      stepEpochs: [120, 160.5],
      decayNormAndBias: false,
    },
  );
});
