import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import { inspectFile } from '#moco/model/inspectFile.js';
import { requireFinite } from '#moco/model/requireFinite.js';
import { safetensors } from '../../support/safetensorsFile.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const folder = temporaryFolder();

/** A file with tensors of two floats. */
async function fileOf(tensors: Readonly<Record<string, readonly [number, number]>>) {
  const header = Object.keys(tensors).map((name, i) => {
    return [name, { dtype: 'F32', shape: [2], data_offsets: [8 * i, 8 * (i + 1)] }];
  });
  const data = Buffer.from(new Float32Array(Object.values(tensors).flat()).buffer);
  const path = join(folder, 'model.safetensors');
  await writeFile(path, safetensors(Object.fromEntries(header), data));
  return readTensorFile(path);
}

test('a model of finite values is good', async () => {
  await requireFinite(await fileOf({ a: [1, -2], b: [0, 3.4e38] }));
});

test('NaN and infinite values are an error that names the tensors and counts the values', async () => {
  const some = await fileOf({ a: [1, 2], b: [Number.NaN, 1], c: [Infinity, -Infinity] });
  await assert.rejects(requireFinite(some), {
    code: 'ERR_MOCO_NON_FINITE',
    message:
      /model\.safetensors: the model has values that are NaN or infinite: 1 in "b", 2 in "c"$/,
    hint: /take the model of an earlier epoch/,
  });
  const pair = [Number.NaN, Number.NaN] as const;
  await assert.rejects(requireFinite(await fileOf({ a: pair, b: pair, c: pair, d: pair })), {
    message: /2 in "a", 2 in "b", 2 in "c" … \(4 tensors\)$/,
  });
});

test('inspect tells of them, and reads the file all the same', async () => {
  const { path } = await fileOf({ a: [1, 2], b: [Number.NaN, 1] });
  const { nonFinite, tensors } = await inspectFile(path);
  assert.deepEqual(nonFinite, [{ name: 'b', values: 1 }]);
  assert.equal(tensors, 2);
});
