import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Head, headLayout, headOf, REFERENCE_HEAD } from '#moco/model/headLayout.js';

const names = (head: Head) => headLayout(512, 128, head).map(({ name }) => name);

test("the reference's head has the reference's names", () => {
  assert.deepEqual(names(REFERENCE_HEAD), [
    'g.0.weight',
    ...['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'].map(
      (kind) => `g.1.${kind}`,
    ),
    ...['g.3.weight', 'g.3.bias'],
  ]);
});

test('layers are numbered with the BatchNorms and ReLUs between them', () => {
  const three = { ...REFERENCE_HEAD, layers: 3, hiddenDim: 64 };
  const linear = (head: Head) => names(head).filter((name) => /^g\.\d+\.weight$/.test(name));
  assert.deepEqual(linear({ ...three, batchNorm: false }), [
    ...['g.0.weight', 'g.2.weight', 'g.4.weight'],
  ]);
  const plain = headLayout(512, 128, { ...three, lastBatchNorm: 'plain' });
  assert.deepEqual(
    plain.slice(-4).map(({ name }) => name),
    ['g.6.weight', 'g.7.running_mean', 'g.7.running_var', 'g.7.num_batches_tracked'],
  );
  assert.deepEqual(plain.find(({ name }) => name === 'g.3.weight')?.shape, [64, 64]);
  assert.deepEqual(plain.find(({ name }) => name === 'g.6.weight')?.shape, [128, 64]);
});

test('a head is told by its tensors, in any order', () => {
  const head: Head = { layers: 3, hiddenDim: 64, batchNorm: false, lastBatchNorm: 'affine' };
  const layout = headLayout(512, 128, head).toReversed();
  assert.deepEqual(headOf(layout), { featureDim: 128, head });
});

test('where there is no linear layer there is no head', () => {
  assert.equal(headOf([{ name: 'f.0.weight', shape: [64, 3, 3, 3] }]), undefined);
  assert.equal(headOf([{ name: 'g.0.weight', shape: [64] }]), undefined);
});
