import assert from 'node:assert/strict';
import { readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TypedFlag } from '#moco/config/flags.js';
import { resolveConfig } from '#moco/config/resolve.js';
import { configTemplate, writeConfigTemplate } from '#moco/config/template.js';
import { trainCommand } from '#moco/config/trainConfig.js';
import { failure } from '../../support/failure.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const folder = temporaryFolder();

async function configFile(content: string): Promise<string> {
  const path = join(folder, 'config.json');
  await writeFile(path, content);
  return path;
}

function typed(...words: string[]): TypedFlag[] {
  return words.map((word) => {
    const [flag, text] = word.split(' ') as [string, string];
    return { flag, text };
  });
}

/** The lines that say what is wrong, without the folder of the file. */
async function problems(file: string | undefined, flags: TypedFlag[] = []): Promise<string[]> {
  const error = await failure(resolveConfig(trainCommand, { file, flags }), 'ERR_MOCO_CONFIG');
  const lines = error.message.replaceAll(`${folder}/`, '').split('\n');
  return lines.slice(1).map((line) => line.trim());
}

test('a file wins over defaults, flags win over the file', async () => {
  const file = await configFile('{ "epochs": 7, "k": 20 }');
  const { epochs, k, m } = await resolveConfig(trainCommand, { file, flags: typed('--k 30') });
  assert.deepEqual({ epochs, k, m }, { epochs: 7, k: 30, m: 4096 });
});

test('among flags and --set, the last one for a key wins', async () => {
  const set = { flag: '--set', text: 'epochs=3' };
  const flag = { flag: '--epochs', text: '4' };
  assert.equal((await resolveConfig(trainCommand, { flags: [set, flag] })).epochs, 4);
  assert.equal((await resolveConfig(trainCommand, { flags: [flag, set] })).epochs, 3);
});

test("flags have the reference's underscore spelling, too", async () => {
  const config = await resolveConfig(trainCommand, {
    flags: typed('--feature_dim 64', '--batch-size 32'),
  });
  assert.equal(config.featureDim, 64);
  assert.equal(config.batchSize, 32);
});

test('text becomes a number where the key takes numbers, and stays text elsewhere', async () => {
  const flags = typed('--learning-rate 1e-2', '--temperature .1', '--out 123', '--data-threads 2');
  const { learningRate, temperature, out, dataThreads } = await resolveConfig(trainCommand, {
    flags,
  });
  assert.deepEqual([learningRate, temperature, out, dataThreads], [0.01, 0.1, '123', 2]);
  assert.equal(
    (await resolveConfig(trainCommand, { flags: typed('--threads auto') })).threads,
    'auto',
  );
});

test('what only looks like a number is refused as it was typed', async () => {
  for (const text of ['nan', 'NaN', 'Infinity', '0x10', '1_000', '1,5', '', '5e', 'five', '--k']) {
    const [problem] = await problems(undefined, [{ flag: '--batch-size', text }]);
    const given = `given ${JSON.stringify(text)} (--batch-size)`;
    assert.equal(problem, `batchSize: expected auto or an integer from 2 to 65536, ${given}`);
  }
});

test('--set splits at the first equals sign and ignores space around it', async () => {
  const flags = [
    { flag: '--set', text: 'out=a=b' },
    { flag: '--set', text: ' k = 9 ' },
  ];
  const { out, k } = await resolveConfig(trainCommand, { flags });
  assert.deepEqual({ out, k }, { out: 'a=b', k: 9 });
});

test('a file may hold comments, trailing commas, a byte order mark and the name of its schema', async () => {
  const file = await configFile('\uFEFF// run\n{ "$schema": "s.json", /* few */ "epochs": 7, }');
  assert.equal((await resolveConfig(trainCommand, { file })).epochs, 7);
});

test('every problem in a file has its line and column', async () => {
  const file = await configFile('{\n  "epochs": 0,\n  "feature_dim": 3,\n\t"m": 1e999\n}\n');
  assert.deepEqual(await problems(file), [
    'epochs: expected an integer from 1 to 1000000, given 0 (config.json:2:13)',
    'feature_dim: unknown key; the nearest known one is featureDim (config.json:3:3)',
    'm: expected an integer from 1 to 4194304, given 1e999 (config.json:4:7)',
  ]);
});

test('lines are counted the same with Windows line ends', async () => {
  const file = await configFile('{\r\n"k": 5,\r\n"epochs": 0\r\n}');
  assert.match((await problems(file))[0] as string, /config\.json:3:11/);
});

test('a key that stands twice in a file is a problem', async () => {
  const file = await configFile('{ "k": 5,\n  "k": 6 }');
  assert.deepEqual(await problems(file), ['k: expected once, given again (config.json:2:3)']);
});

test('a wrong value is reported even where a flag replaces it', async () => {
  const file = await configFile('{ "epochs": -3 }');
  assert.equal((await problems(file, typed('--epochs 3'))).length, 1);
});

test('problems of the file and of the flags come together', async () => {
  const file = await configFile('{ "epochs": -3 ');
  const flags: TypedFlag[] = [
    ...typed('--k x', '--bach-size 3'),
    { flag: '--set', text: 'epochs' },
    { flag: '--set', text: 'batchsize=9' },
    { flag: 'results', text: undefined },
  ];
  assert.deepEqual(await problems(file, flags), [
    'config.json:1:16: not valid JSON: expected "}"',
    '--bach-size: unknown flag; the nearest known one is --batch-size',
    '--set: expected key=value, given "epochs"',
    '"results": expected a flag: `train` takes no other arguments',
    'k: expected an integer from 1 to 1000000, given "x" (--k)',
    'batchsize: unknown key; the nearest known one is batchSize (--set batchsize)',
  ]);
});

test('wrong JSON is reported with its place and with what was expected', async () => {
  const cases: [text: string, problem: string][] = [
    ['{ "k": 5 "m": 6 }', 'config.json:1:10: not valid JSON: expected ",", found "\\""'],
    ['{\n  "k" 5 }', 'config.json:2:7: not valid JSON: expected ":" after the key, found "5"'],
    [
      '{ k: 5 }',
      'config.json:1:3: not valid JSON: expected a number, true, false, null, or a key or text in double quotes, found "k"',
    ],
    ['{ "k": }', 'config.json:1:8: not valid JSON: expected a value, found "}"'],
    [
      '{ "k": 5 } x',
      'config.json:1:12: not valid JSON: expected a number, true, false, null, or a key or text in double quotes, found "x"',
    ],
    ['', 'config.json:1:1: not valid JSON: expected a value'],
  ];
  for (const [text, problem] of cases) {
    assert.deepEqual(await problems(await configFile(text)), [problem]);
  }
});

test('a file that holds something else than an object is refused', async () => {
  for (const [text, given] of [
    ['[1]', 'a list'],
    ['5', '5'],
    ['null', 'null'],
    ['"x"', '"x"'],
  ]) {
    const expected = `config.json: expected an object with keys, given ${given}`;
    assert.deepEqual(await problems(await configFile(text as string)), [expected]);
  }
});

test('a file that is not there, and how to make one', async () => {
  const path = join(folder, 'missing.json');
  await assert.rejects(resolveConfig(trainCommand, { file: path }), {
    code: 'ERR_MOCO_CONFIG',
    message: `cannot read configuration ${path}: there is no such file`,
    hint: `\`moco config init ${path}\` writes a starting file there.`,
  });
});

test('a folder in the place of the file is refused', async () => {
  await assert.rejects(resolveConfig(trainCommand, { file: folder }), {
    code: 'ERR_MOCO_CONFIG',
    message: `cannot read configuration ${folder}: it is a folder, not a file`,
  });
});

test('a file that is nested without end is refused at the place where it is too deep', async () => {
  const problem = (column: number) =>
    `config.json:1:${column}: nested too deeply: expected at most 100 open brackets`;
  assert.deepEqual(await problems(await configFile('['.repeat(200_000))), [problem(101)]);
  const objects = await configFile('{"k":'.repeat(200_000));
  assert.deepEqual(await problems(objects), [problem(501)]);
  const flat = await configFile(`{ "k": "${'['.repeat(200)}" }`);
  assert.match((await problems(flat))[0] as string, /^k: expected an integer/);
});

test('the starting file holds every default, and its optional keys are right once uncommented', async () => {
  const template = configTemplate(trainCommand);
  const defaults = await resolveConfig(trainCommand, {});
  assert.deepEqual(
    await resolveConfig(trainCommand, { file: await configFile(template) }),
    defaults,
  );
  const uncommented = template.replaceAll(/\/\/ (")/g, '$1');
  const { trainLimit, testLimit } = await resolveConfig(trainCommand, {
    file: await configFile(uncommented),
  });
  assert.deepEqual([trainLimit, testLimit], [5000, 1000]);
});

test('a starting file replaces another one only when forced to', async () => {
  const path = await configFile('mine');
  await assert.rejects(writeConfigTemplate(trainCommand, path), {
    code: 'ERR_MOCO_OUTPUT',
    message: `${path} exists already and was not changed`,
  });
  assert.deepEqual(await problems(path), [
    'config.json:1:1: not valid JSON: expected a number, true, false, null, or a key or text in double quotes, found "mine"',
  ]);
  await writeConfigTemplate(trainCommand, path, { force: true });
  assert.equal((await resolveConfig(trainCommand, { file: path })).epochs, 500);
});

test('a starting file is made with the folders on its way', async () => {
  const path = join(folder, 'new', 'er', 'config.json');
  await writeConfigTemplate(trainCommand, path);
  assert.equal(await readFile(path, 'utf8'), configTemplate(trainCommand));
});

test('a link that leads nowhere is not replaced by a starting file', async () => {
  const path = join(folder, 'link.json');
  await symlink('nowhere.json', path);
  await assert.rejects(writeConfigTemplate(trainCommand, path), { code: 'ERR_MOCO_OUTPUT' });
  assert.equal(await readlink(path), 'nowhere.json');
});
