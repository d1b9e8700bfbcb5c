import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RECIPE_NAMES, recipe, recipes } from '#moco/config/recipes.js';
import { givenConfig, parseConfig, resolveConfig } from '#moco/config/resolve.js';
import { trainCommand } from '#moco/config/trainConfig.js';
import { packageRoot } from '#moco/packageRoot.js';

for (const name of RECIPE_NAMES) {
  test(`recipe ${name}: its file is right, and its settings are settings of train`, () => {
    const { name: own, settings, cost, published = [], expected = [] } = recipe(name);
    assert.equal(own, name);
    const config = parseConfig(trainCommand, settings);
    assert.equal(cost.epochs, config.epochs);
    assert.ok(published.length + expected.length > 0 || name === 'sce', 'what is it good for?');
    const elsewhere = ['dataset', 'data', 'device', 'precision', 'seed', 'out', 'recipe'];
    assert.deepEqual(
      elsewhere.filter((key) => Object.hasOwn(settings, key)),
      [],
      'is for any pictures and any machine',
    );
  });
}

test('every recipe has what PyTorch computes with it, for the C++ test that compares them', () => {
  const fixture = (name: string) => join(packageRoot, `test/parity/fixtures/published_${name}.pt`);
  assert.deepEqual(
    RECIPE_NAMES.filter((name) => !existsSync(fixture(name))),
    [],
    'python test/parity/make_fixtures.py published_NAME makes it',
  );
});

test('the reference is what moco train does without a recipe', () => {
  const { recipe: name, ...config } = parseConfig(trainCommand, { recipe: 'reference' });
  assert.equal(name, 'reference');
  assert.deepEqual(config, parseConfig(trainCommand, {}));
});

test('recipes are listed from the cheapest', () => {
  const units = recipes().map(({ cost }) => cost.units);
  assert.deepEqual(
    units,
    units.toSorted((one, other) => one - other),
  );
});

test('a recipe that there is not is told with the one that was meant', () => {
  assert.throws(() => recipe('referense'), {
    code: 'ERR_MOCO_CONFIG',
    message: 'referense: unknown recipe; the nearest known one is reference',
  });
  assert.throws(() => parseConfig(trainCommand, { recipe: 'referense' }), {
    message: /recipe: expected one of auto, .*, given "referense"/,
  });
});

test('a recipe lies over the defaults, and under everything that is given', async () => {
  const flags = [
    { flag: '--recipe', text: 'reference' },
    { flag: '--epochs', text: '7' },
  ];
  const base = { batchSize: 32 };
  const config = await resolveConfig(trainCommand, { base, flags });
  assert.deepEqual(
    [config.recipe, config.epochs, config.batchSize, config.k],
    [...['reference', 7, 32, 200]],
  );
  const given = await givenConfig(trainCommand, { base, flags });
  assert.deepEqual(given, { batchSize: 32, recipe: 'reference', epochs: 7 });
  assert.deepEqual(parseConfig(trainCommand, given), config);
});

test('a length takes the place of those below it, however they say it', async () => {
  const length = async (base: object, ...flags: [string, string][]) => {
    const typed = flags.map(([flag, text]) => ({ flag, text }));
    const config = await resolveConfig(trainCommand, { base, flags: typed });
    const { epochs, steps, budget } = config;
    return { epochs, steps, budget };
  };
  const none = { steps: undefined, budget: undefined };
  const planned = { epochs: 3, steps: 250, budget: '1h' };
  assert.deepEqual(await length(planned), planned, 'a run that goes on has all of them');
  assert.deepEqual(await length(planned, ['--epochs', '9']), { ...none, epochs: 9 });
  assert.deepEqual(await length(planned, ['--steps', '9']), { ...none, epochs: 500, steps: 9 });
  assert.deepEqual(await length({ epochs: 3 }, ['--budget', '2h']), {
    ...none,
    ...{ epochs: 500, budget: '2h' },
  });
  assert.deepEqual(await length({ recipe: 'reference', steps: 8 }), {
    ...none,
    ...{ epochs: 500, steps: 8 },
  });
});
