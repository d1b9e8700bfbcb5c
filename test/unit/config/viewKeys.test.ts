import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { configFlags } from '#moco/config/flags.js';
import { configJsonSchema } from '#moco/config/jsonSchema.js';
import { parseConfig, resolveConfig } from '#moco/config/resolve.js';
import { configTemplate } from '#moco/config/template.js';
import { trainCommand } from '#moco/config/trainConfig.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const DEFAULTS = {
  count: 1,
  size: 'auto',
  cropScale: [0.08, 1],
  interpolation: 'bilinear',
  flip: 0.5,
  jitter: 0.8,
  brightness: 0.4,
  contrast: 0.4,
  saturation: 0.4,
  hue: 0.1,
  greyscale: 0.2,
  blur: 0,
  blurSigma: [0.1, 2],
  solarise: 0,
};

const TEACHER = { role: 'teacher' };

/** The lines that say what is wrong with some groups of views, and with other keys. */
function problems(views: unknown, others: object = {}): string[] {
  try {
    parseConfig(trainCommand, { views, ...others });
  } catch (error) {
    const [, ...lines] = (error as Error).message.split('\n');
    return lines.map((line) => line.trim());
  }
  assert.fail(`accepted ${JSON.stringify(views)}`);
}

test("the default views are the reference's: one of the student, one of the teacher", () => {
  const { views, growFrom, growUntil } = parseConfig(trainCommand, {});
  assert.deepEqual(views, [
    { ...DEFAULTS, role: 'student' },
    { ...DEFAULTS, role: 'teacher' },
  ]);
  assert.deepEqual({ growFrom, growUntil }, { growFrom: 1, growUntil: 0.7 });
});

test('what a group leaves out has its default, and a whole configuration resolves to itself', () => {
  const config = parseConfig(trainCommand, {
    views: [{ count: 8, size: 16, cropScale: [0.08, 0.4] }, TEACHER],
  });
  assert.deepEqual(config.views[0], {
    ...{ ...DEFAULTS, role: 'student' },
    ...{ count: 8, size: 16, cropScale: [0.08, 0.4] },
  });
  assert.deepEqual(parseConfig(trainCommand, config), config);
});

test('every problem inside a group names its place', () => {
  assert.deepEqual(problems([{ count: 0 }, { ...TEACHER, blur: 2, jiter: 0.5 }]), [
    'views[0].count: expected an integer from 1 to 16, given 0',
    'views[1].blur: expected a number from 0 to 1, given 2',
    'views[1].jiter: unknown key; the nearest known one is jitter',
  ]);
  assert.deepEqual(problems([{ size: 'small' }, TEACHER]), [
    'views[0].size: expected auto or an integer from 8 to 224, given "small"',
  ]);
  assert.deepEqual(problems([{ cropScale: [0.5, 2] }, TEACHER]), [
    'views[0].cropScale[1]: expected a number above 0, at most 1, given 2',
  ]);
  assert.deepEqual(problems([{ cropScale: [0.5, 0.2] }, TEACHER]), [
    'views[0].cropScale: expected two numbers in ascending order, given 0.5, 0.2',
  ]);
  assert.match(
    problems(5)[0] ?? '',
    /^views: expected a list of 1 to 16, each an object of count, /,
  );
  assert.match(problems(['student'])[0] ?? '', /^views\[0\]: expected an object of count, /);
});

test('there is a view for the student and another one for the teacher', () => {
  for (const views of [[{}], [{ count: 4 }], [TEACHER], [{ role: 'both' }]])
    assert.match(problems(views)[0] ?? '', /^views: expected a view for the student and another/);
  for (const views of [[{ role: 'both', count: 2 }], [{}, TEACHER], [{}, { role: 'both' }]])
    parseConfig(trainCommand, { views });
});

test('no view is larger than imageSize, and there are not too many', () => {
  const views = [{ size: 48 }, TEACHER];
  assert.deepEqual(problems(views, { imageSize: 32 }), [
    'views: expected sizes of at most imageSize (32), given 48 in views[0]',
  ]);
  parseConfig(trainCommand, { views, imageSize: 48 });
  const many = [{ count: 16 }, { count: 16 }, TEACHER];
  assert.deepEqual(problems(many), ['views: expected at most 32 views of a picture, given 33']);
});

test('the command line takes groups as JSON, of which the last one wins', async () => {
  const flags = [
    { flag: '--views', text: '[{"blur": 1}, {"role": "teacher"}]' },
    { flag: '--set', text: 'views=[{"role": "both", "count": 2}]' },
  ];
  const { views } = await resolveConfig(trainCommand, { flags });
  assert.deepEqual(views, [{ ...DEFAULTS, role: 'both', count: 2 }]);
  const wrong = resolveConfig(trainCommand, { flags: [{ flag: '--views', text: '[{' }] });
  await assert.rejects(wrong, /views: expected a list of 1 to 16, .*, given "\[\{" \(--views\)/);
  const flag = configFlags(trainCommand).find(({ key }) => key === 'views');
  assert.equal(flag?.valueName, 'json');
});

test('a problem inside a group has its line and column in the file', async (context) => {
  const file = join(temporaryFolder(context), 'config.json');
  writeFileSync(file, '{\n  "views": [\n    {},\n    { "role": "teacher", "blur": 2 }\n  ]\n}');
  await assert.rejects(resolveConfig(trainCommand, { file }), /config\.json:4:34/);
});

test('the JSON Schema and the starting file tell what a group is', () => {
  const { properties } = configJsonSchema(trainCommand) as { properties: Record<string, unknown> };
  const views = properties.views as { items: Record<string, unknown>; default: unknown };
  assert.equal(views.items.additionalProperties, false);
  assert.deepEqual(views.default, [{ role: 'student' }, TEACHER]);
  assert.ok(
    configTemplate(trainCommand).includes('"views": [{"role":"student"},{"role":"teacher"}]'),
  );
});
