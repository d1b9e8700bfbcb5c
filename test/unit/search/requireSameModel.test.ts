import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { EncoderDescription } from '#moco/embed/encoder.js';
import type { FeatureMeta } from '#moco/features/featureMeta.js';
import type { NeighbourIndex } from '#moco/search/neighbourIndex.js';
import { requireSameModel } from '#moco/search/requireSameModel.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const path = join(temporaryFolder(), 'model.pth');
const input = { imageSize: 32, cropShare: 1, mean: [0, 0, 0], std: [1, 1, 1] } as const;
const encoder = {
  model: { path, arch: 'resnet18', stem: 'cifar', input },
  dims: { features: 512, projection: undefined },
} as EncoderDescription;
const made = {
  name: 'model.pth',
  arch: 'resnet18',
  stem: 'cifar',
  sha256: createHash('sha256').update('a model').digest('hex'),
};

before(async () => await writeFile(path, 'a model'));

const compare = (meta: Partial<FeatureMeta>, dims = 512) =>
  requireSameModel(
    encoder,
    { dims, meta: { version: 1, mocoVersion: '1', normalized: false, ...meta } } as NeighbourIndex,
    undefined,
  );

test('nothing is said of an index that the same file has made', async () => {
  assert.deepEqual(await compare({ model: made, input }), []);
});

test('an index of another file, or of an unknown one, is searched with a warning', async () => {
  const other = { ...made, name: 'other.pth', sha256: '0'.repeat(64) };
  assert.match((await compare({ model: other, input })).join(), /another file \(other\.pth\)/);
  assert.match((await compare({})).join(), /does not say which model/);
});

test('features of another length, backbone or input are refused, and a head that is not there', async () => {
  const refused: [Partial<FeatureMeta>, number, RegExp][] = [
    [{ model: made, input }, 2048, /features of 2048 numbers, and those of the model have 512/],
    [{ model: { ...made, arch: 'resnet34' } }, 512, /another model \(resnet34, stem cifar\)/],
    [{ model: made, input: { ...input, imageSize: 64 } }, 512, /seen otherwise: .*64/],
    [{ model: made, output: 'projection' }, 512, /those of the model have none/],
  ];
  for (const [meta, dims, message] of refused) {
    await assert.rejects(compare(meta, dims), { code: 'ERR_MOCO_CONFIG', message });
  }
});
