import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { MocoError } from '#moco/error.js';
import { checkPictures } from '#moco/pictures/checkPictures.js';
import { datasetOf } from '#moco/pictures/datasetOf.js';
import { openPacked, type PackedPictures } from '#moco/pictures/openPacked.js';
import { packPictures } from '#moco/pictures/packPictures.js';
import { summaryOf } from '#moco/pictures/summary.js';
import { Dice, mutated } from '../../support/mutations.js';
import { packedBytes, packedParts } from '../../support/packedFile.js';
import { writeFiles, writePictures } from '../../support/pictureFolder.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

/** How long files are damaged and read; `MOCO_FUZZ_SECONDS=7200 npm run test:fuzz` takes two hours. */
const SECONDS = Number(process.env.MOCO_FUZZ_SECONDS ?? 3);

/** On a busy machine, too. */
const LEAST_ROUNDS = 30;

/** Other numbers damage in other ways. */
const SEED = Number(process.env.MOCO_FUZZ_SEED ?? 1);

/** Resident memory that reading any of these files may take, tests and Node included. */
const MAX_MEMORY = 2 ** 30;

const folder = temporaryFolder();
const path = join(folder, 'damaged.moco');
let whole: Buffer;

before(async () => {
  const names = ['train/a/1.png', 'train/b/2.png', 'train/b/3.png', 'test/a/4.png', 'test/b/5.png'];
  await writePictures(join(folder, 'pictures'), names);
  await writeFiles(join(folder, 'pictures'), { 'train/a/broken.png': 'no picture' });
  const out = join(folder, 'whole.moco');
  await packPictures([join(folder, 'pictures')], out, { labels: 'folders', storedSize: 8 });
  whole = await readFile(out);
});

/** Kinds of damage; all but the first have right checksums, as a hostile file would. */
const DAMAGES: readonly ((dice: Dice) => Buffer)[] = [
  (dice) => mutated(whole, dice),
  function changedTensor(dice) {
    const parts = packedParts(whole);
    const tensor = dice.of(parts.tensors);
    tensor.bytes = mutated(tensor.bytes, dice);
    if (dice.below(2) === 0) tensor.shape = [tensor.bytes.length];
    return packedBytes(parts);
  },
  function changedShape(dice) {
    const parts = packedParts(whole);
    const tensor = dice.of(parts.tensors);
    const shape = tensor.shape as unknown[];
    shape[dice.below(shape.length)] = dice.of([0, 1, -1, 2 ** 31, 2 ** 53, 1e300, '8', null, []]);
    if (dice.below(4) === 0) tensor.dtype = dice.of(['U8', 'I32', 'U32', 'F64', 'BOOL', 'X']);
    return packedBytes(parts);
  },
  function changedMaking(dice) {
    const parts = packedParts(whole);
    const made = JSON.parse(parts.texts.made ?? '');
    made[dice.of(Object.keys(made))] = dice.of([0, -1, 1e9, 0.5, null, '', 'x', [], {}, [0, 0, 0]]);
    parts.texts.made = JSON.stringify(made);
    return packedBytes(parts);
  },
  function changedHeader(dice) {
    const change = (header: string) => mutated(Buffer.from(header), dice).toString('latin1');
    return packedBytes(packedParts(whole), change);
  },
  function withoutTensor(dice) {
    const { texts, tensors } = packedParts(whole);
    return packedBytes({ texts, tensors: tensors.filter(() => dice.below(8) > 0) });
  },
];

/** Reads everything in a file of this content that can be read: nothing, or what fits together. */
async function read(content: Buffer): Promise<void> {
  await writeFile(path, content);
  const packed = await orError(openPacked(path));
  if (packed === undefined) return;
  requireFitting(packed, content.length);
  const names = await orError(packed.names());
  if (names !== undefined) assert.equal(names.length, packed.pixels.count);
  await orError(summaryOf(packed));
  await orError(checkPictures(path));
  const { train, test } = datasetOf(packed);
  assert.ok(train.count + test.count <= packed.pixels.count);
}

async function orError<T>(promise: Promise<T>): Promise<T | undefined> {
  return await promise.catch((error: unknown) => {
    if (!(error instanceof MocoError)) throw error;
    assert.equal(error.code, 'ERR_MOCO_DATA');
    assert.ok(error.message.startsWith(path), error.message);
    return undefined;
  });
}

function requireFitting(packed: PackedPictures, fileSize: number): void {
  const { pixels, labels, splits, classes, hashes, sizes, checksums, meta } = packed;
  const { offset, count, side } = pixels;
  assert.ok(count >= 1 && side >= 1 && offset + count * side * side * 3 <= fileSize);
  const lengths = [labels.length, splits.length, hashes.length / 16, sizes.length / 2];
  assert.deepEqual(lengths, [count, count, count, count]);
  assert.equal(checksums.length, Math.ceil(count / meta.block));
  assert.ok(labels.every((label) => label >= -1 && label < classes.length));
  assert.ok(splits.every((split) => split <= 2));
  assert.ok([...meta.mean, ...meta.std].every(Number.isFinite));
}

test('the file is read before it is damaged', async () => {
  await read(whole);
  const { texts, tensors } = packedParts(whole);
  await writeFile(path, packedBytes({ texts, tensors }));
  assert.equal((await openPacked(path)).labels.length, 5);
});

test(`whatever is damaged, for ${SECONDS} s, ends in an error or in what fits together`, async () => {
  const end = performance.now() + 1000 * SECONDS;
  for (let round = 0; performance.now() < end || round < LEAST_ROUNDS; round++) {
    const dice = new Dice(SEED * 2 ** 20 + round + 1);
    try {
      await read(dice.of(DAMAGES)(dice));
    } catch (error) {
      throw new Error(`round ${round} of seed ${SEED}: ${path}`, { cause: error });
    }
  }
});

test('none of this took much memory', () => {
  assert.ok(process.resourceUsage().maxRSS * 1024 < MAX_MEMORY);
});
