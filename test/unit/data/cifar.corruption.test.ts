import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { loadCifar } from '#moco/data/cifar.js';
import { CIFAR10, CIFAR100, type CifarVariant, recordBytes } from '#moco/data/cifarVariant.js';
import { MocoError } from '#moco/error.js';
import { Dice, mutated } from '../../support/mutations.js';
import { archiveOf, pixelsOf, writeCifar } from '../../support/smallCifar.js';

/** Resident memory that all of this may take, Node included. */
const MAX_MEMORY = 2 ** 29;

/** As CIFAR-10, but tiny: 2 × 3 pictures for training and 2 for testing. */
const TINY10: CifarVariant = {
  ...CIFAR10,
  train: { files: ['data_batch_1.bin', 'data_batch_2.bin'], recordsPerFile: 3 },
  test: { files: ['test_batch.bin'], recordsPerFile: 2 },
};

/** As CIFAR-100, but tiny: 3 pictures for training and 2 for testing. */
const TINY100: CifarVariant = {
  ...CIFAR100,
  train: { files: ['train.bin'], recordsPerFile: 3 },
  test: { files: ['test.bin'], recordsPerFile: 2 },
};

const MARKER = '.moco-verified.json';

let root: string;
let dataRoot: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'moco-cifar-corruption-'));
  dataRoot = join(root, 'data');
  await mkdir(dataRoot);
});
afterEach(() => rm(root, { recursive: true }));

/** The data set, or the error about it. */
async function load(variant: CifarVariant) {
  const request = { dataset: variant.name, dataRoot, seed: 0 };
  const loaded = await loadCifar(variant, request).catch((error: unknown) => error);
  if (loaded instanceof MocoError) {
    assert.equal(loaded.code, 'ERR_MOCO_DATA');
    return loaded;
  }
  if (loaded instanceof Error) throw loaded;
  return loaded as Awaited<ReturnType<typeof loadCifar>>;
}

/** Unpacks what is taken for the official archive; the folder, and the variant that is in it. */
async function downloaded(): Promise<{ folder: string; variant: CifarVariant }> {
  await writeCifar(TINY10, root);
  const { variant, archive } = await archiveOf(TINY10, root);
  await rm(join(root, variant.folder), { recursive: true });
  await writeFile(join(dataRoot, variant.archive.file), archive);
  const loaded = await load(variant);
  assert.ok(!(loaded instanceof MocoError), String(loaded));
  assert.deepEqual(loaded.notices, []);
  return { folder: join(dataRoot, variant.folder), variant };
}

/** The records of a file; undefined where its size or a label is wrong. */
function recordsOf(variant: CifarVariant, file: Buffer): Buffer[] | undefined {
  const bytes = recordBytes(variant);
  const count = file.length / bytes;
  if (count === 0 || !Number.isInteger(count)) return undefined;
  const records = Array.from({ length: count }, (_, i) =>
    file.subarray(i * bytes, (i + 1) * bytes),
  );
  const isRight = (record: Buffer) =>
    variant.labels.every(({ count }, at) => record.readUInt8(at) < count);
  return records.every(isRight) ? records : undefined;
}

for (const variant of [TINY10, TINY100]) {
  test(`1000 mutations of a file of ${variant.title} are refused or read as they are`, async () => {
    const folder = await writeCifar(variant, dataRoot);
    const name = variant.test.files[0] as string;
    const original = await readFile(join(folder, name));
    const labelBytes = variant.labels.length;
    const dice = new Dice(1);
    for (let count = 0; count < 1000; count++) {
      const damaged = mutated(original, dice);
      await writeFile(join(folder, name), damaged);
      const loaded = await load(variant);
      const records = recordsOf(variant, damaged);
      if (loaded instanceof MocoError) {
        assert.equal(records, undefined, loaded.message);
        assert.ok(loaded.message.includes(name), loaded.message);
      } else {
        assert.ok(records !== undefined, 'a wrong file was accepted');
        const pixels = Buffer.concat(
          records.map((record) => pixelsOf(record.subarray(labelBytes))),
        );
        const labels = records.map((record) => record[labelBytes - 1]);
        assert.ok(pixels.equals(loaded.test.pixels));
        assert.deepEqual([...loaded.test.labels], labels);
      }
    }
  });
}

test('a flipped bit in any file that was downloaded is reported', async () => {
  const { folder, variant } = await downloaded();
  const dice = new Dice(2);
  for (const name of [...variant.train.files, ...variant.test.files]) {
    const original = await readFile(join(folder, name));
    for (let count = 0; count < 200; count++) {
      const at = dice.below(original.length);
      const damaged = Buffer.from(original);
      damaged.writeUInt8(original.readUInt8(at) ^ (1 << dice.below(8)), at);
      await writeFile(join(folder, name), damaged);
      const loaded = await load(variant);
      const report = loaded instanceof MocoError ? loaded.message : loaded.notices.join('\n');
      assert.ok(report.includes(name), `byte ${at} of ${name}`);
    }
    await writeFile(join(folder, name), original);
  }
});

test('500 mutations of the marker of a download vouch for nothing that changed', async () => {
  const { folder, variant } = await downloaded();
  const marker = await readFile(join(folder, MARKER));
  const picture = await readFile(join(folder, 'test_batch.bin'));
  picture.writeUInt8(picture.readUInt8(100) ^ 1, 100);
  await writeFile(join(folder, 'test_batch.bin'), picture);
  const dice = new Dice(3);
  for (let count = 0; count < 500; count++) {
    await writeFile(join(folder, MARKER), mutated(marker, dice));
    const loaded = await load(variant);
    assert.ok(!(loaded instanceof MocoError), String(loaded));
    assert.equal(loaded.notices.length, 1);
  }
});

test('500 mutations of the list of classes leave a name for every label', async () => {
  const folder = await writeCifar(TINY10, dataRoot);
  const list = Buffer.from(`${CIFAR10.classes.join('\n')}\n\n`);
  const dice = new Dice(4);
  for (let count = 0; count < 500; count++) {
    await writeFile(join(folder, CIFAR10.classFile), mutated(list, dice));
    const loaded = await load(TINY10);
    assert.ok(!(loaded instanceof MocoError), String(loaded));
    assert.ok(loaded.classes.length === 10 && loaded.classes.every((name) => name.length > 0));
  }
});

test('texts of a gigabyte are not read', async () => {
  const { folder, variant } = await downloaded();
  await truncate(join(folder, MARKER), 2 ** 30);
  const loaded = await load(variant);
  assert.ok(!(loaded instanceof MocoError), String(loaded));
  assert.match(`${loaded.notices}`, /not verified/);
  await writeFile(join(folder, CIFAR10.classFile), '');
  await truncate(join(folder, CIFAR10.classFile), 2 ** 30);
  const refused = await load(variant);
  assert.match(String(refused), /batches\.meta\.txt: it has 1073741824 bytes/);
});

test('none of this took much memory', () => {
  assert.ok(process.resourceUsage().maxRSS * 1024 < MAX_MEMORY);
});
