import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { configKeys } from '#moco/config/commandConfig.js';
import { commands } from '#moco/config/commands.js';
import { configFlags, type TypedFlag } from '#moco/config/flags.js';
import { configJsonSchema } from '#moco/config/jsonSchema.js';
import { knnCommand } from '#moco/config/knnConfig.js';
import { linearCommand } from '#moco/config/linearConfig.js';
import { withAbsolutePaths } from '#moco/config/paths.js';
import { parseConfig, resolveConfig } from '#moco/config/resolve.js';
import { failure } from '../../support/failure.js';

const typed = (...words: [flag: string, text?: string][]): TypedFlag[] =>
  words.map(([flag, text]) => ({ flag, text }));

/** What is wrong with a configuration, and what the error advises. */
async function refused(config: Promise<unknown>): Promise<{ problems: string[]; hint?: string }> {
  const error = await failure(config, 'ERR_MOCO_CONFIG');
  const problems = error.message.split('\n').slice(1);
  return { problems: problems.map((line) => line.trim()), ...(error.hint && { hint: error.hint }) };
}

test("without any key, linear is the reference's", () => {
  const { modelPath, batchSize, epochs, learningRate, weightDecay, frozenBn, validation, cached } =
    parseConfig(linearCommand, {});
  assert.deepEqual(
    [modelPath, batchSize, epochs, learningRate, weightDecay, frozenBn, validation, cached],
    ['results/128_4096_0.5_0.999_200_256_500_model.pth', 256, 100, 1e-3, 1e-6, false, 0, false],
  );
});

test('without any key, knn votes as the reference does, and in the other convention, too', () => {
  const { modelPath, k, temperature } = parseConfig(knnCommand, {});
  assert.equal(modelPath, 'results/128_4096_0.5_0.999_200_256_500_model.pth');
  assert.deepEqual([k, temperature], [200, [0.5, 0.1]]);
});

for (const command of Object.values(commands)) {
  test(`the JSON Schema of ${command.name} knows every key and says what it is`, () => {
    const schema = configJsonSchema(command);
    assert.equal(schema.title, `moco ${command.name}`);
    const properties = schema.properties as Record<string, { description?: string }>;
    assert.deepEqual(Object.keys(properties), ['$schema', ...configKeys(command)]);
    for (const [key, { description }] of Object.entries(properties)) assert.ok(description, key);
  });
}

test('a list is given in commas, by repeating the flag, or both', async () => {
  const lists: [flag: string, text: string][][] = [
    [['--temperature', '0.2,.1,1']],
    [
      ['--temperature', '0.2'],
      ['--temperature', '0.1'],
      ['--set', 'temperature=1'],
    ],
    [
      ['--temperature', '0.2, 0.1'],
      ['--temperature', '1'],
    ],
  ];
  for (const list of lists) {
    const { temperature } = await resolveConfig(knnCommand, { flags: typed(...list) });
    assert.deepEqual(temperature, [0.2, 0.1, 1]);
  }
});

test('a list of paths is given by repeating the flag, since a path may hold commas', async () => {
  const flags = typed(['--data', 'here, and there'], ['--data', 'elsewhere']);
  const { data } = await resolveConfig(knnCommand, { flags });
  assert.deepEqual(data, ['here, and there', 'elsewhere']);
});

test('paths lie where they do now; words that may stand in their place are kept', () => {
  const located = (labels: string) =>
    withAbsolutePaths(knnCommand, parseConfig(knnCommand, { data: ['a', '/b'], labels }));
  assert.deepEqual(located('folders').data, [resolve('a'), '/b']);
  assert.equal(located('folders').labels, 'folders');
  assert.equal(located('labels.csv').labels, resolve('labels.csv'));
  assert.equal(located('./folders').labels, resolve('folders'));
  assert.equal(located('folders').imageSize, 'auto');
});

test('a list with a wrong part is refused once, as it was typed', async () => {
  const expected = 'temperature: expected a list of 1 to 16, each a number from 0.02 to 100';
  for (const text of ['', '0.1,', '0.1,warm', '0', '0.1;0.5', '[0.1]', '1e999']) {
    const flags = typed(['--temperature', '0.5'], ['--temperature', text]);
    const { problems } = await refused(resolveConfig(knnCommand, { flags }));
    const given = JSON.stringify(`0.5,${text}`);
    assert.deepEqual(problems, [`${expected}, given ${given} (--temperature)`]);
  }
});

test('a switch is on where its flag is given, and --set turns it off again', async () => {
  const frozenBn = async (...flags: [string, string][]) =>
    (await resolveConfig(linearCommand, { flags: typed(...flags) })).frozenBn;
  assert.equal(await frozenBn(), false);
  assert.equal(await frozenBn(['--frozen-bn', 'true']), true);
  assert.equal(await frozenBn(['--frozen-bn', 'true'], ['--set', 'frozenBn=false']), false);
});

test('a switch takes no value', async () => {
  const flags = typed(['--frozen-bn'], ['--set', 'cached=yes']);
  const { problems } = await refused(resolveConfig(linearCommand, { flags }));
  assert.deepEqual(problems, [
    '--frozen-bn: takes no value',
    'cached: expected true or false, given "yes" (--set cached)',
  ]);
  const switches = configFlags(linearCommand).filter(({ valueName }) => valueName === undefined);
  assert.deepEqual(
    switches.map(({ flag }) => flag),
    ['--strict', '--frozen-bn', '--cached', '--no-tf32', '--deterministic'],
  );
});

test('what is wrong is said in the words of the command', async () => {
  const { problems, hint } = await refused(resolveConfig(knnCommand, { flags: typed(['extra']) }));
  assert.deepEqual(problems, ['"extra": expected a flag: `knn` takes no other arguments']);
  assert.equal(
    hint,
    '`moco knn --help` lists every flag, `moco config init --command knn` every key with its default.',
  );
  await assert.rejects(resolveConfig(linearCommand, { file: 'missing.json' }), {
    hint: '`moco config init missing.json --command linear` writes a starting file there.',
  });
});

test('pictures and neighbours are compared with the data set', async () => {
  const wrong = { dataset: 'shapes', trainLimit: 100, testLimit: 2001 };
  const knn = await refused((async () => parseConfig(knnCommand, wrong))());
  assert.deepEqual(knn.problems, [
    'testLimit: expected at most 2000, the number of test pictures of shapes, given 2001',
    'k: expected at most trainLimit (100): the kNN bank holds the training pictures, given 200',
  ]);
  const tooMany = { dataset: 'shapes', trainLimit: 100, validation: 99 };
  const linear = await refused((async () => parseConfig(linearCommand, tooMany))());
  assert.deepEqual(linear.problems, [
    'validation: expected at most 98 of the 100 training pictures, given 99',
  ]);
});

test('the last batch of linear may be smaller, and the only one', () => {
  parseConfig(linearCommand, { trainLimit: 100, batchSize: 256 });
});
