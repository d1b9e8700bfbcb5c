import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, before, test } from 'node:test';
import * as moco from '#moco/index.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

const NAME = '16_32_0.5_0.999_5_16_2';
const RECIPE = { ...TINY_RUN, dataRoot: 'data', out: 'results' };
const MODEL = join('results', `${NAME}_model.pth`);

/** Where the calls are made. */
const home = temporaryFolder();
/** Where the program is soon after, with finished runs under the same names. */
const elsewhere = temporaryFolder();

const DECOYS = [
  ...[MODEL, join('results', 'linear_model.pth'), join('results', 'linear_cached.csv')],
  ...[join('results', `${NAME}_results.csv`), join('results', NAME, 'checkpoint.safetensors')],
  ...['moco.json', 'converted.pth'],
];

before(() => {
  mkdirSync(join(elsewhere, 'results', NAME), { recursive: true });
  for (const path of DECOYS) writeFileSync(join(elsewhere, path), `decoy ${path}`);
});

/** Calls a function at home, and is elsewhere when that has returned, before anything else happens. */
function atHome<Result>(call: () => Result): Result {
  process.chdir(home);
  try {
    return call();
  } finally {
    process.chdir(elsewhere);
  }
}

afterEach(() => {
  const found = readdirSync(elsewhere, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile());
  assert.equal(files.length, DECOYS.length);
  for (const path of DECOYS) {
    assert.equal(readFileSync(join(elsewhere, path), 'utf8'), `decoy ${path}`);
  }
});

test('a run stays in its folder, its configuration as it was given, and goes on there', async () => {
  const controller = new AbortController();
  const stopped = atHome(() =>
    moco.train(RECIPE, {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === 'step' && event.epoch === 2) controller.abort();
      },
    }),
  );
  await assert.rejects(stopped, { code: 'ERR_MOCO_ABORTED' });
  const config = await atHome(() => moco.resumedConfig(join('results', NAME)));
  assert.equal(config.out, join(home, 'results'));
  const paths: string[] = [];
  const { files } = await atHome(() =>
    moco.train(RECIPE, {
      resume: join('results', NAME),
      onEvent: (event) => {
        if (event.type === 'model' || event.type === 'checkpoint') paths.push(event.path);
        if (event.type === 'start') assert.equal(event.config.out, 'results');
      },
    }),
  );
  assert.equal(files.directory, join(home, 'results', NAME));
  for (const path of paths) assert.ok(path.startsWith(join(home, 'results')), path);
  const saved = readFileSync(join(files.directory, 'config.resolved.json'), 'utf8');
  assert.equal(JSON.parse(saved).out, 'results');
});

test('a run that has its trainer from another folder writes where that was made', async () => {
  await using trainer = await atHome(() => moco.createTrainer({ ...RECIPE, out: 'other' }));
  for await (const event of trainer.run()) if (event.type === 'step') break;
  assert.ok(readdirSync(join(home, 'other', NAME)).includes('checkpoint.safetensors'));
});

test('a model is measured where it lies, and results are written beside it', async () => {
  const { arch, dataset, trainLimit, testLimit, k, device, threads } = RECIPE;
  const common = { arch, dataset, trainLimit, testLimit, device, threads, modelPath: MODEL };
  const measured = await atHome(() => moco.knn({ ...common, k }));
  assert.equal(measured.description.model.path, join(home, MODEL));
  const recipe = { ...common, out: 'results', epochs: 1, batchSize: 16 };
  const last = await atHome(() => moco.linear(recipe));
  assert.ok(last.type === 'done' && last.files.model === join(home, 'results', 'linear_model.pth'));
  await atHome(() => moco.linear({ ...recipe, cached: true, learningRates: [0.1] }));
  const names = readdirSync(join(home, 'results'));
  for (const name of ['linear_model.pth', 'linear_statistics.csv', 'linear_cached.csv']) {
    assert.ok(names.includes(name), name);
  }
});

test('files are inspected, converted, read and written where they were named', async () => {
  const { path } = await atHome(() => moco.inspectFile(MODEL));
  assert.equal(path, join(home, MODEL));
  const { output } = await atHome(() => moco.convertModel(MODEL, 'converted.pth'));
  assert.equal(output, join(home, 'converted.pth'));
  await atHome(() => moco.writeConfigTemplate(moco.commands.knn, 'moco.json'));
  const sources = { file: 'moco.json' };
  const config = await atHome(() => moco.resolveConfig(moco.commands.knn, sources));
  assert.deepEqual(config, moco.parseConfig(moco.commands.knn, {}));
});

test('a working folder that is gone is named, unless nothing depends on it', async () => {
  const gone = temporaryFolder();
  process.chdir(gone);
  rmdirSync(gone);
  try {
    await assert.rejects(moco.inspectFile('model.pth'), {
      code: 'ERR_MOCO_CONFIG',
      message: 'model.pth: the working folder is gone',
    });
    await moco.inspectFile(join(home, MODEL));
  } finally {
    process.chdir(elsewhere);
  }
});
