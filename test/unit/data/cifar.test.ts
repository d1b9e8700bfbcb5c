import assert from 'node:assert/strict';
import { mkdir, mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { loadCifar } from '#moco/data/cifar.js';
import { CIFAR10, CIFAR100, type CifarVariant } from '#moco/data/cifarVariant.js';
import type { DatasetRequest } from '#moco/data/dataset.js';
import { loadDataset } from '#moco/data/load.js';
import { failure } from '../../support/failure.js';
import { cifarFile, pixelsOf, SMALL10, SMALL100, writeCifar } from '../../support/smallCifar.js';

const PICTURE = 3 * 32 * 32;
const RECORD = 1 + PICTURE;

let dataRoot: string;
beforeEach(async () => {
  dataRoot = await mkdtemp(join(tmpdir(), 'moco-cifar-'));
});
afterEach(() => rm(dataRoot, { recursive: true }));

function load(variant: CifarVariant, limits: Partial<DatasetRequest> = {}) {
  return loadCifar(variant, { dataset: variant.name, dataRoot, seed: 0, ...limits });
}

const dataFailure = (loading: Promise<unknown>) => failure(loading, 'ERR_MOCO_DATA');

/** Changes one byte of a file. */
async function poke(path: string, position: number, value: number): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(Uint8Array.of(value), 0, 1, position);
  await file.close();
}

test('CIFAR-10 is read in the order of its files, planes become pixels, with one label byte', async () => {
  await writeCifar(SMALL10, dataRoot);
  const { train, test, classes, name, mean, std } = await load(SMALL10);
  assert.equal(name, 'cifar10');
  assert.equal(classes[0], 'airplane');
  assert.equal(classes[9], 'truck');
  assert.deepEqual([mean, std], [CIFAR10.mean, CIFAR10.std]);
  assert.deepEqual([train.count, test.count, train.height, train.width], [1400, 30, 32, 32]);
  assert.equal(train.pixels.length, 1400 * PICTURE);
  const files = [cifarFile(SMALL10, 700, 0), cifarFile(SMALL10, 700, 1)];
  for (const index of [0, 1, 499, 500, 699, 700, 1399]) {
    const file = files[Math.floor(index / 700)] as Buffer;
    const record = file.subarray((index % 700) * RECORD, ((index % 700) + 1) * RECORD);
    assert.equal(train.labels[index], record[0], `label ${index}`);
    const pixels = train.pixels.subarray(index * PICTURE, (index + 1) * PICTURE);
    assert.equal(Buffer.compare(pixels, pixelsOf(record.subarray(1))), 0, `pixels of ${index}`);
  }
  assert.equal(test.pixels[0], 2);
});

test('CIFAR-100 takes the fine label, the second byte', async () => {
  await writeCifar(SMALL100, dataRoot);
  const { train, test, classes } = await load(SMALL100);
  assert.equal(classes.length, 100);
  assert.equal(new Set(classes).size, 100);
  assert.deepEqual([...train.labels.subarray(0, 5)], [0, 1, 2, 3, 4]);
  assert.equal(train.labels[49], 49);
  // Its planes begin with 0, 1024 and 2048, of which bytes keep the lowest 8 bits.
  assert.deepEqual([...train.pixels.subarray(0, 6)], [0, 0, 0, 1, 1, 1]);
  assert.deepEqual([train.count, test.count], [50, 20]);
});

test('a limit takes the first pictures, within a file and across files', async () => {
  await writeCifar(SMALL10, dataRoot);
  const whole = await load(SMALL10);
  for (const trainLimit of [1, 500, 700, 701, 1400]) {
    const { train, test } = await load(SMALL10, { trainLimit, testLimit: 3 });
    assert.equal(train.count, trainLimit);
    assert.equal(train.pixels.length, trainLimit * PICTURE);
    const prefix = whole.train.pixels.subarray(0, trainLimit * PICTURE);
    assert.equal(Buffer.compare(train.pixels, prefix), 0, `${trainLimit} pictures`);
    assert.deepEqual(train.labels, whole.train.labels.subarray(0, trainLimit));
    assert.equal(test.count, 3);
  }
});

test('a limit leaves the records after it unread', async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  await poke(join(folder, 'data_batch_1.bin'), 600 * RECORD, 255);
  assert.equal((await load(SMALL10, { trainLimit: 600 })).train.count, 600);
  await dataFailure(load(SMALL10, { trainLimit: 601 }));
});

test('every missing file is named', async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  await rm(join(folder, 'data_batch_1.bin'));
  await rm(join(folder, 'test_batch.bin'));
  const { message, hint } = await dataFailure(load(SMALL10, { trainLimit: 1 }));
  assert.ok(message.includes(folder));
  assert.match(message, /missing: data_batch_1\.bin, test_batch\.bin$/);
  assert.match(`${hint}`, /Delete the folder cifar-10-batches-bin .*cifar-10-binary\.tar\.gz/);
});

for (const [title, size, problem] of [
  [
    'cut within a record',
    700 * RECORD - 1,
    'is damaged: 2151099 bytes, expected whole records of 3073 bytes, such as 2148027 (699) or 2151100 (700)',
  ],
  ['empty', 0, 'is empty'],
  [
    'with a byte too many',
    700 * RECORD + 1,
    'is damaged: 2151101 bytes, expected whole records of 3073 bytes, such as 2151100 (700) or 2154173 (701)',
  ],
] as const) {
  test(`a file ${title} is refused before anything is read`, async () => {
    const folder = await writeCifar(SMALL10, dataRoot);
    await truncate(join(folder, 'data_batch_2.bin'), size);
    const { message } = await dataFailure(load(SMALL10, { trainLimit: 1 }));
    assert.equal(message, `${folder} does not hold CIFAR-10: data_batch_2.bin ${problem}`);
  });
}

test('files may hold any number of records, each its own', async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  const sizes = [3, 700, 1, 4];
  for (const [index, records] of sizes.entries()) {
    await writeFile(
      join(folder, `data_batch_${index + 1}.bin`),
      cifarFile(SMALL10, records, 10 * index),
    );
  }
  await writeFile(join(folder, 'test_batch.bin'), cifarFile(SMALL10, 2));
  const { train, test, notices } = await load(SMALL10);
  assert.deepEqual([train.count, test.count], [708, 2]);
  const firstPixels = sizes.map((_, index) => {
    const before = sizes.slice(0, index).reduce((sum, records) => sum + records, 0);
    return train.pixels[before * PICTURE];
  });
  assert.deepEqual(firstPixels, [0, 10, 20, 30]);
  assert.equal(
    notices[1],
    `${folder}: holds 708 training and 2 test pictures, the official CIFAR-10 1400 and 30`,
  );
  assert.equal((await load(SMALL10, { trainLimit: 704 })).train.count, 704);
});

test('one training file is enough', async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  await rm(join(folder, 'data_batch_2.bin'));
  assert.equal((await load(SMALL10)).train.count, 700);
});

test('more than nine training files are read in the order of their numbers', async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  for (let number = 1; number <= 11; number++) {
    await writeFile(join(folder, `data_batch_${number}.bin`), cifarFile(SMALL10, 1, number));
  }
  const { train } = await load(SMALL10);
  const firsts = Array.from({ length: 11 }, (_, index) => train.pixels[index * PICTURE]);
  assert.deepEqual(firsts, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

test('a gap in the numbers of the training files is reported', async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  await writeFile(join(folder, 'data_batch_9.bin'), cifarFile(SMALL10, 1));
  await writeFile(join(folder, 'data_batch_100000.bin'), cifarFile(SMALL10, 1));
  await writeFile(join(folder, 'data_batch_x.bin'), '');
  const { message } = await dataFailure(load(SMALL10));
  assert.match(
    message,
    /missing: data_batch_3\.bin, data_batch_4\.bin, data_batch_5\.bin, data_batch_6\.bin, data_batch_7\.bin and 1 more$/,
  );
});

test('limits beyond the files take what there is', async () => {
  await writeCifar(SMALL100, dataRoot);
  const { train, test } = await load(SMALL100, { trainLimit: 1e6, testLimit: 1e6 });
  assert.deepEqual([train.count, test.count], [50, 20]);
});

test('a wrong label is refused with its file, record and value', async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  await poke(join(folder, 'data_batch_2.bin'), 612 * RECORD, 10);
  const { message } = await dataFailure(load(SMALL10));
  assert.ok(message.includes(join(folder, 'data_batch_2.bin')));
  assert.match(message, /record 612 \(counted from 0\) has label 10, expected 0 to 9/);
});

test('a wrong fine or coarse label of CIFAR-100 is refused', async () => {
  const folder = await writeCifar(SMALL100, dataRoot);
  const path = join(folder, 'train.bin');
  await poke(path, 3 * 3074, 19);
  assert.equal((await load(SMALL100)).train.labels[3], 3);
  await poke(path, 3 * 3074, 20);
  const coarse = await dataFailure(load(SMALL100));
  assert.match(coarse.message, /train\.bin: record 3 .* has coarse label 20, expected 0 to 19/);
  await poke(path, 3 * 3074, 0);
  await poke(path, 3 * 3074 + 1, 100);
  const fine = await dataFailure(load(SMALL100));
  assert.match(fine.message, /train\.bin: record 3 .* has label 100, expected 0 to 99/);
});

test('a folder in the place of a file is refused', async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  await rm(join(folder, 'data_batch_1.bin'));
  await mkdir(join(folder, 'data_batch_1.bin'));
  assert.match((await dataFailure(load(SMALL10))).message, /data_batch_1\.bin is not a file/);
});

test('a file in the place of the folder is refused', async () => {
  await writeFile(join(dataRoot, SMALL10.folder), '');
  const { message } = await dataFailure(load(SMALL10));
  assert.match(message, /cifar-10-batches-bin is not a folder$/);
});

test('class names come from the list in the folder, where there is a complete one', async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  const own = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
  await writeFile(join(folder, 'batches.meta.txt'), `${own.join('\r\n')}\n\n`);
  assert.deepEqual((await load(SMALL10)).classes, own);
  await writeFile(join(folder, 'batches.meta.txt'), own.slice(1).join('\n'));
  const { classes, notices } = await load(SMALL10);
  assert.deepEqual(classes, CIFAR10.classes);
  assert.match(`${notices[0]}`, /batches\.meta\.txt names 9 classes, not 10/);
});

test('a folder that was not unpacked here is used, and one line says that it is not verified', async () => {
  const folder = await writeCifar(SMALL10, dataRoot);
  const { notices } = await load(SMALL10);
  assert.equal(notices.length, 1);
  assert.ok(
    notices[0]?.startsWith(`${folder}: used as it is; not verified as the official CIFAR-10`),
  );
  assert.ok(!notices[0]?.includes('\n'));
});

test('a signal ends the reading', async () => {
  await writeCifar(SMALL10, dataRoot);
  const request = { dataset: 'cifar10', dataRoot, seed: 0 } as const;
  const loading = loadCifar(SMALL10, request, { signal: AbortSignal.abort('enough') });
  assert.equal((await failure(loading, 'ERR_MOCO_ABORTED')).cause, 'enough');
});

test('the official layouts are read whole', async () => {
  // Zero bytes stand for black pictures of class 0, and take no space on the disk.
  const sizes = {
    'cifar-10-batches-bin/test_batch.bin': 30_730_000,
    'cifar-100-binary/train.bin': 153_700_000,
    'cifar-100-binary/test.bin': 30_740_000,
    ...Object.fromEntries(
      [1, 2, 3, 4, 5].map((n) => [`cifar-10-batches-bin/data_batch_${n}.bin`, 30_730_000]),
    ),
  };
  for (const { folder } of [CIFAR10, CIFAR100]) await mkdir(join(dataRoot, folder));
  for (const [path, size] of Object.entries(sizes)) {
    await writeFile(join(dataRoot, path), '');
    await truncate(join(dataRoot, path), size);
  }
  for (const dataset of ['cifar10', 'cifar100'] as const) {
    const { train, test, name } = await loadDataset({ dataset, dataRoot, seed: 0 });
    assert.deepEqual([name, train.count, test.count], [dataset, 50_000, 10_000]);
    assert.equal(train.pixels.length, 50_000 * PICTURE);
  }
});
