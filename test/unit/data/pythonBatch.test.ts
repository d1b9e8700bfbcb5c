import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { loadCifar } from '#moco/data/cifar.js';
import { CIFAR10, type CifarVariant } from '#moco/data/cifarVariant.js';
import type { DatasetRequest } from '#moco/data/dataset.js';
import { datasetSize } from '#moco/data/datasetSize.js';
import { MocoError } from '#moco/error.js';
import { failure } from '../../support/failure.js';
import { Dice, mutated } from '../../support/mutations.js';
import {
  PICKLERS,
  type PythonFile,
  pickledBatch,
  pickledClasses,
  pythonFileOf,
  writePythonCifar,
} from '../../support/pythonCifar.js';
import { cifarFile, SMALL10, SMALL100, writeCifar } from '../../support/smallCifar.js';

let dataRoot: string;
let binaryRoot: string;
beforeEach(async () => {
  const root = await mkdtemp(join(tmpdir(), 'moco-python-'));
  [dataRoot, binaryRoot] = [join(root, 'data'), join(root, 'binary')];
  await mkdir(dataRoot);
});
afterEach(() => rm(join(dataRoot, '..'), { recursive: true }));

function load(variant: CifarVariant, request: Partial<DatasetRequest> = {}) {
  return loadCifar(variant, { dataset: variant.name, dataRoot, seed: 0, ...request });
}

for (const pickler of PICKLERS) {
  for (const variant of [SMALL10, SMALL100]) {
    test(`${variant.title} for Python, by ${pickler}, is what the binary version is`, async () => {
      await writePythonCifar(variant, dataRoot, pickler);
      await writeCifar(variant, binaryRoot);
      const python = await load(variant);
      const binary = await load(variant, { dataRoot: binaryRoot });
      assert.deepEqual({ ...python, notices: [] }, { ...binary, notices: [] });
    });
  }
}

test('a limit takes the first pictures, across files', async () => {
  await writePythonCifar(SMALL10, dataRoot);
  const whole = await load(SMALL10);
  const { train, test } = await load(SMALL10, { trainLimit: 701, testLimit: 2 });
  assert.deepEqual([train.count, test.count], [701, 2]);
  assert.deepEqual(train.labels, whole.train.labels.subarray(0, 701));
  assert.deepEqual(train.pixels, whole.train.pixels.subarray(0, 701 * 3072));
});

test('pictures are counted before anything is loaded', async () => {
  const folder = await writePythonCifar(CIFAR_OF_THREE, dataRoot);
  assert.deepEqual(await datasetSize({ dataset: 'cifar10', dataRoot }), {
    ...{ train: 6, test: 2, source: `in ${folder}` },
  });
});

/** As CIFAR-10, but tiny. */
const CIFAR_OF_THREE: CifarVariant = {
  ...CIFAR10,
  train: { files: ['data_batch_1.bin', 'data_batch_2.bin'], recordsPerFile: 3 },
  test: { files: ['test_batch.bin'], recordsPerFile: 2 },
};

test('a folder for Python is used where it is the data root, or lies below it', async () => {
  const folder = await writePythonCifar(SMALL100, dataRoot);
  for (const root of [folder, join(dataRoot, '..')]) {
    const { train, notices } = await load(SMALL100, { dataRoot: root });
    assert.equal(train.count, 50);
    assert.ok(notices[0]?.startsWith(`CIFAR-100 was found in ${folder}, not in `), notices[0]);
  }
});

test('where both versions lie, the binary one is taken', async () => {
  await writePythonCifar(SMALL10, dataRoot);
  const folder = await writeCifar(SMALL10, dataRoot);
  assert.ok((await load(SMALL10)).notices[0]?.startsWith(folder));
});

test('the official files are known by their published checksums', async () => {
  const folder = await writePythonCifar(SMALL10, dataRoot);
  const md5: Record<string, string> = {};
  for (const file of ['data_batch_1', 'data_batch_2', 'test_batch']) {
    md5[file] = createHash('md5')
      .update(await readFile(join(folder, file)))
      .digest('hex');
  }
  const official = { ...SMALL10, python: { ...SMALL10.python, md5 } };
  assert.deepEqual((await load(official)).notices, []);
  md5.data_batch_2 = 'another';
  assert.deepEqual((await load(official)).notices, [
    `${folder}: used as it is; its bytes are not those of the official CIFAR-10 (data_batch_2)`,
  ]);
});

test('the names of the classes come from the list in the folder, where it is complete', async () => {
  const folder = await writePythonCifar(SMALL10, dataRoot);
  const own = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'ä'];
  await writeFile(join(folder, 'batches.meta'), pickledClasses(SMALL10, own));
  assert.deepEqual((await load(SMALL10)).classes, own);
  await writeFile(join(folder, 'batches.meta'), pickledClasses(SMALL10, own.slice(1)));
  const { classes, notices } = await load(SMALL10);
  assert.deepEqual(classes, CIFAR10.classes);
  assert.match(`${notices[0]}`, /batches\.meta names 9 classes, not 10/);
});

/** Puts a changed data file in the place of the test pictures, and gives the error about it. */
async function refused(change: Partial<PythonFile>): Promise<{ path: string; error: MocoError }> {
  const path = join(await writePythonCifar(SMALL10, dataRoot), 'test_batch');
  const content = { ...pythonFileOf(SMALL10, cifarFile(SMALL10, 3)), ...change };
  await writeFile(path, pickledBatch(SMALL10, content));
  return { path, error: await failure(load(SMALL10), 'ERR_MOCO_DATA') };
}

for (const [title, change, problem] of [
  [
    'another shape',
    { shape: [3, 32, 96] },
    'its "data" has the shape (3, 32, 96), expected (N, 3072)',
  ],
  [
    'no pictures',
    { labels: [], planes: Buffer.of() },
    'its "data" has the shape (0, 3072), expected (N, 3072)',
  ],
  ['more bytes than pictures', { shape: [2, 3072] }, 'its array of shape (2, 3072) has 9216 bytes'],
  ['fewer labels', { labels: [0, 1], shape: [3, 3072] }, 'it has 3 pictures and 2 labels'],
  [
    'elements of another type',
    { dtype: 'f4' },
    'its array has elements of type "f4", expected uint8',
  ],
  ['columns', { isFortran: true }, 'its array is stored column by column'],
  [
    'a label beyond the classes',
    { labels: [0, 1, 10] },
    'record 2 (counted from 0) has label 10, expected 0 to 9',
  ],
  [
    'a label below 0',
    { labels: [0, -1, 1] },
    'record 1 (counted from 0) has label -1, expected 0 to 9',
  ],
] as const) {
  test(`a file with ${title} is refused by name`, async () => {
    const { path, error } = await refused(change);
    assert.equal(error.message, `${path}: ${problem}`);
    assert.match(`${error.hint}`, /cifar-10-python\.tar\.gz/);
  });
}

test('pictures in the shape of planes are taken, too', async () => {
  const path = join(await writePythonCifar(SMALL10, dataRoot), 'test_batch');
  const content = pythonFileOf(SMALL10, cifarFile(SMALL10, 3));
  await writeFile(path, pickledBatch(SMALL10, { ...content, shape: [3, 3, 32, 32] }));
  assert.equal((await load(SMALL10)).test.count, 3);
});

test('what is no such pickle is refused by name', async () => {
  const path = join(await writePythonCifar(SMALL10, dataRoot), 'test_batch');
  for (const [content, problem] of [
    ['', /test_batch: its pickle goes on after its last byte, 0/],
    ['\x80\x02].', /test_batch: it holds no dictionary$/],
    ['\x80\x02}.', /test_batch: it has no list of integers "labels"$/],
    ['\x80\x02cos\nsystem\n(X\x04\x00\x00\x00exittR.', /test_batch: it holds no dictionary$/],
  ] as const) {
    await writeFile(path, content, 'latin1');
    assert.match((await failure(load(SMALL10), 'ERR_MOCO_DATA')).message, problem);
  }
});

test('a file that is cut anywhere is refused', async () => {
  const path = join(await writePythonCifar(CIFAR_OF_THREE, dataRoot), 'test_batch');
  const whole = await readFile(path);
  const dice = new Dice(5);
  for (let count = 0; count < 60; count++) {
    await writeFile(path, whole.subarray(0, dice.below(whole.length)));
    const { message } = await failure(load(CIFAR_OF_THREE), 'ERR_MOCO_DATA');
    assert.ok(message.startsWith(`${path}: `), message);
  }
});

test('100 mutations of a file, by each pickler, are refused by name, or read', async () => {
  for (const pickler of PICKLERS) {
    const path = join(await writePythonCifar(CIFAR_OF_THREE, dataRoot, pickler), 'test_batch');
    const whole = await readFile(path);
    const dice = new Dice(6);
    for (let count = 0; count < 100; count++) {
      await writeFile(path, mutated(whole, dice));
      const loaded = await load(CIFAR_OF_THREE).catch((error: unknown) => error);
      if (!(loaded instanceof Error)) continue;
      assert.ok(loaded instanceof MocoError, String(loaded.stack));
      assert.equal(loaded.code, 'ERR_MOCO_DATA');
      assert.ok(loaded.message.includes(path), loaded.message);
    }
  }
});
