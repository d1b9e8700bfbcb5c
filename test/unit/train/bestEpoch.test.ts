import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bestOf, requireMeasured, settledBestBy } from '#moco/train/bestEpoch.js';

const rows = [
  { epoch: 1, trainLoss: 5, top1: 30, top5: 80, effectiveRank: 20, uniformity: -1 },
  { epoch: 2, trainLoss: 4, top1: 40, top5: 85, effectiveRank: 60, uniformity: -3 },
  { epoch: 3, trainLoss: 3, top1: 40, top5: 90, effectiveRank: 50, uniformity: -2 },
];

test('the best epoch has the highest or the lowest value, as is better, and is the earliest of equals', () => {
  assert.deepEqual(bestOf(rows, 'knn'), { epoch: 2, by: 'knn', value: 40, top1: 40, top5: 85 });
  assert.equal(bestOf(rows, 'effectiveRank')?.epoch, 2);
  assert.deepEqual(bestOf(rows, 'uniformity'), {
    ...{ epoch: 2, by: 'uniformity', value: -3 },
    ...{ top1: 40, top5: 85 },
  });
  assert.equal(bestOf([], 'knn'), undefined);
});

test('auto is kNN where there are labels, and a measure without labels elsewhere', () => {
  assert.equal(settledBestBy({ bestBy: 'auto' }, { isLabelled: true }, 1), 'knn');
  assert.equal(settledBestBy({ bestBy: 'auto' }, { isLabelled: false }, 2), 'ownKeyRank');
  assert.equal(settledBestBy({ bestBy: 'uniformity' }, { isLabelled: true }, 2), 'uniformity');
});

test('what the data cannot tell is refused', () => {
  assert.throws(() => settledBestBy({ bestBy: 'knn' }, { isLabelled: false }, 100), {
    code: 'ERR_MOCO_CONFIG',
    message: 'bestBy: knn needs labels, of training pictures and of evaluated ones',
  });
  assert.throws(() => settledBestBy({ bestBy: 'auto' }, { isLabelled: false }, 1), {
    code: 'ERR_MOCO_CONFIG',
    message: 'bestBy: ownKeyRank is measured on at least 2 pictures, and 1 is evaluated',
  });
});

test('a run that goes on needs the measure of all epochs before', () => {
  requireMeasured({ results: rows }, 'uniformity');
  const results = [...rows, { epoch: 4, trainLoss: 2, top1: 50, top5: 90 }];
  requireMeasured({ results }, 'knn');
  assert.throws(() => requireMeasured({ results }, 'uniformity'), {
    code: 'ERR_MOCO_CONFIG',
    message: 'bestBy: of epoch 4, before the checkpoint, uniformity was not measured',
  });
});
