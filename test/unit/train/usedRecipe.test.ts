import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usedRecipe } from '#moco/train/usedRecipe.js';
import { trainConfig } from '../../support/trainerDouble.js';

test('a run without a recipe follows none', () => {
  assert.equal(usedRecipe(trainConfig({})), undefined);
});

test('what differs from a recipe is told, and what belongs to pictures and machine is not', () => {
  const circumstances = { dataset: 'shapes', seed: 7, threads: 2, out: 'elsewhere' } as const;
  const config = trainConfig({ recipe: 'reference', ...circumstances, batchSize: 32, m: 1024 });
  assert.deepEqual(usedRecipe(config, 'somebody said so'), {
    name: 'reference',
    title: 'The reference: MoCo with a ResNet-50 and Adam, at a constant learning rate',
    reason: 'somebody said so',
    changed: { m: { recipe: 4096, run: 1024 }, batchSize: { recipe: 256, run: 32 } },
  });
});

test('a length that is said in another way is one change', () => {
  const changed = (length: object) =>
    usedRecipe(trainConfig({ recipe: 'reference', ...length }))?.changed;
  assert.deepEqual(changed({ epochs: 500 }), {});
  assert.deepEqual(changed({ steps: 1000 }), { steps: { recipe: undefined, run: 1000 } });
  assert.deepEqual(changed({ steps: 1000, budget: '1h' }), {
    budget: { recipe: undefined, run: '1h' },
  });
});
