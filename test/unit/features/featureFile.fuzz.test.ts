import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { MocoError } from '#moco/error.js';
import { readFeatureFile } from '#moco/features/featureFile.js';
import { writeFeatureFile } from '#moco/features/writeFeatureFile.js';
import { bytesOf, featureContent, featureValues } from '../../support/featureContent.js';
import { Dice, mutated } from '../../support/mutations.js';
import { packedBytes, packedParts } from '../../support/packedFile.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const ROUNDS = Number(process.env.MOCO_FUZZ_ROUNDS ?? 300);

const folder = temporaryFolder();
const path = join(folder, 'damaged.safetensors');
let whole: Buffer;

before(async () => {
  await writeFeatureFile(path, featureContent(), [bytesOf(featureValues(3, 2))]);
  whole = await readFile(path);
});

/** Damage whose checksums are right, as those of a hostile file would be, or wrong. */
function damaged(dice: Dice): Buffer {
  if (dice.below(3) === 0) return mutated(whole, dice);
  const parts = packedParts(whole);
  const tensor = dice.of(parts.tensors);
  tensor.bytes = mutated(tensor.bytes, dice);
  const sizes = [0, 1, -1, 2 ** 31, 2 ** 53, 1e300, '8', null, tensor.bytes.length];
  tensor.shape = (tensor.shape as unknown[]).map((size) => (dice.below(2) ? size : dice.of(sizes)));
  return packedBytes(parts, (header) => header.padEnd(64 * 30 - 8));
}

test('whatever is damaged ends in an error that names the file, or in what fits together', async () => {
  for (let round = 1; round <= ROUNDS; round++) {
    const content = damaged(new Dice(round));
    await writeFile(path, content);
    const file = await readFeatureFile(path).catch((error: unknown) => {
      assert.ok(error instanceof MocoError, `round ${round}: ${error}`);
      assert.equal(error.code, 'ERR_MOCO_DATA');
      assert.ok(error.message.startsWith(path), error.message);
    });
    if (file === undefined) continue;
    const { offset, count, dims, dtype, ids, labels, classes = [] } = file;
    assert.ok(offset + count * dims * (dtype === 'F32' ? 4 : 2) <= content.length);
    assert.equal(ids.length, count);
    assert.ok(labels?.every((label) => label >= -1 && label < classes.length) ?? true);
  }
});
