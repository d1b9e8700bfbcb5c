import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recipeLines, recipeTable } from '#moco/cli/recipesText.js';
import type { Recipe } from '#moco/config/recipes.js';

const accuracy = { what: 'kNN', feature: 'backbone', dataset: 'CIFAR-10', epochs: 200 } as const;

const published: Recipe = {
  ...{ name: 'one', title: 'Of a paper', source: 'Somebody et al.', year: 2020 },
  published: [{ ...accuracy, value: 82.6, k: 200, temperature: 0.1, protocol: 'last epoch' }],
  cost: { epochs: 200, units: 800 },
  notes: ['It differs.'],
  settings: { epochs: 200, optimiser: 'sgd' },
};

const expected: Recipe = {
  ...{ name: 'other', title: 'Our own', source: 'moco', year: 2026 },
  expected: [{ ...accuracy, what: 'linear', value: 87.5, plusMinus: 1.5, protocol: 'estimated' }],
  cost: { epochs: 50, units: 555 },
  settings: { epochs: 50 },
};

test('recipes are a table; what was not measured is marked', () => {
  assert.deepEqual(recipeTable([published, expected]).slice(0, 3), [
    'recipe   epochs     U    kNN   linear',
    'one         200   800   82.6            Of a paper',
    'other        50   555           ~87.5   Our own',
  ]);
});

test('a recipe is shown with all that its file says', () => {
  assert.deepEqual(recipeLines(published), [
    'one: Of a paper',
    'source     Somebody et al. (2020)',
    "published  kNN 82.6 % (k 200, temperature 0.1) on the backbone's features, CIFAR-10, 200 epochs: last epoch",
    'cost       200 epochs, 800 U',
    'note       It differs.',
    'settings',
    '  epochs: 200',
    '  optimiser: "sgd"',
  ]);
  assert.match(
    recipeLines(expected)[2] ?? '',
    /^expected {3}linear 87\.5 ± 1\.5 % on the backbone's/,
  );
});
