import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Dtype } from '#moco/formats/dtype.js';
import { findNonFinite } from '#moco/formats/nonFinite.js';
import type { StoredTensor } from '#moco/formats/tensorFile.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const folder = temporaryFolder();

const path = join(folder, 'file');

/** How many values of a tensor in this file, from its byte 3 on, are not finite. */
async function countIn(content: Buffer, tensor: Partial<StoredTensor>): Promise<number> {
  await writeFile(path, Buffer.concat([Buffer.from('...'), content]));
  const storage = { offset: 3, bytes: content.length, crc32: undefined };
  const whole = { name: 'a', dtype: 'F32' as const, shape: [], strides: [], firstElement: 0 };
  const [found] = await findNonFinite({ path, tensors: [{ ...whole, storage, ...tensor }] });
  assert.equal(found?.name ?? 'a', 'a');
  return found?.values ?? 0;
}

/** Numbers of each type: 1, NaN, the largest, +∞, 0, −∞, the smallest above 0 and another NaN. */
const NUMBERS: Readonly<Partial<Record<Dtype, Buffer>>> = {
  F64: Buffer.from(
    new Float64Array([1, Number.NaN, 1.7e308, Infinity, 0, -Infinity, 5e-324, Number.NaN]).buffer,
  ),
  F32: Buffer.from(
    new Float32Array([1, Number.NaN, 3.4e38, Infinity, 0, -Infinity, 1e-45, Number.NaN]).buffer,
  ),
  F16: Buffer.from(new Uint16Array([0x3c00, 0x7e00, 0x7bff, 0x7c00, 0, 0xfc00, 1, 0xfc01]).buffer),
  BF16: Buffer.from(new Uint16Array([0x3f80, 0x7fc0, 0x7f7f, 0x7f80, 0, 0xff80, 1, 0xff81]).buffer),
};

for (const [name, numbers] of Object.entries(NUMBERS)) {
  const dtype = name as Dtype;
  test(`NaN and infinite values of ${dtype} are counted, in either byte order`, async () => {
    const tensor = { dtype, shape: [2, 4], strides: [4, 1] };
    assert.equal(await countIn(numbers, tensor), 4);
    const bigEndian = numbers.length / 8;
    const turned = Buffer.concat(
      Array.from({ length: 8 }, (_, i) =>
        Buffer.from(numbers.subarray(i * bigEndian, (i + 1) * bigEndian)).reverse(),
      ),
    );
    const storage = { offset: 3, bytes: numbers.length, crc32: undefined, bigEndian };
    assert.equal(await countIn(turned, { ...tensor, storage }), 4);
  });
}

test('only the values of the tensor itself count, each once', async () => {
  const numbers = NUMBERS.F32 as Buffer;
  assert.equal(await countIn(numbers, { shape: [4], strides: [2] }), 0);
  assert.equal(await countIn(numbers, { firstElement: 1, shape: [4], strides: [2] }), 4);
  assert.equal(await countIn(numbers, { firstElement: 1, shape: [2, 2], strides: [4, 1] }), 2);
  assert.equal(await countIn(numbers, { firstElement: 1, shape: [2, 2], strides: [1, 4] }), 2);
  assert.equal(await countIn(numbers, { firstElement: 3, shape: [5, 1], strides: [0, 1] }), 1);
  assert.equal(await countIn(numbers, { firstElement: 8, shape: [0], strides: [1] }), 0);
});

test('whole numbers are not looked at', async () => {
  assert.equal(await countIn(NUMBERS.F32 as Buffer, { dtype: 'I32', shape: [8], strides: [1] }), 0);
});

test('a large tensor is read in parts', async () => {
  const numbers = new Float32Array(2 ** 19 + 3);
  for (const place of [0, 2 ** 18 - 1, 2 ** 18, 2 ** 19 + 2]) numbers[place] = Number.NaN;
  const tensor = { shape: [numbers.length], strides: [1] };
  assert.equal(await countIn(Buffer.from(numbers.buffer), tensor), 4);
});

test('elements far from each other are read without what lies between them', async () => {
  const numbers = new Float32Array(100_000);
  for (const place of [0, 1, 40_000, 40_001, 70_000]) numbers[place] = Number.NaN;
  const tensor = { shape: [2, 3, 2], strides: [1, 40_000, 0] };
  assert.equal(await countIn(Buffer.from(numbers.buffer), tensor), 4);
});
