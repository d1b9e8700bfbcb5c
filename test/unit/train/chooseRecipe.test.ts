import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseRecipe } from '#moco/train/chooseRecipe.js';

test('a recipe is chosen by the device, then by the time that there is for each picture', () => {
  const choice = (hasGpu: boolean, pictures: number, hours?: number) =>
    chooseRecipe({ hasGpu, pictures, budgetSeconds: hours && 3600 * hours }).name;
  assert.equal(choice(false, 50_000), 'cpu');
  assert.equal(choice(false, 50_000, 100), 'cpu');
  assert.equal(choice(true, 50_000), 'fast');
  assert.equal(choice(true, 50_000, 3.9), 'fast');
  assert.equal(choice(true, 50_000, 4), 'best');
  assert.equal(choice(true, 100_000, 4), 'fast');
});

test('the reason is told', () => {
  const { reason } = chooseRecipe({ hasGpu: true, pictures: 100_000, budgetSeconds: 3600 });
  assert.equal(reason, '100000 pictures want 8.0 h on a GPU for best');
});
