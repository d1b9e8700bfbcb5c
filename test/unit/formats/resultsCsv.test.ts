import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resultsCsv, unlabelledResultsCsv } from '#moco/formats/resultsCsv.js';

test('the results file has the columns of the reference and its spelling of numbers', () => {
  const csv = resultsCsv([
    { epoch: 1, trainLoss: 7.25, top1: 45, top5: 91.30000000000001 },
    { epoch: 2, trainLoss: 1e-5, top1: 100, top5: 0 },
  ]);
  assert.equal(
    csv,
    'epoch,train_loss,test_acc@1,test_acc@5\n1,7.25,45.0,91.30000000000001\n2,1e-05,100.0,0.0\n',
  );
});

test('a number that is missing is an empty field, as pandas writes it', () => {
  const csv = resultsCsv([{ epoch: 1, trainLoss: Number.NaN, top1: 1, top5: 2 }]);
  assert.equal(csv.split('\n')[1], '1,,1.0,2.0');
});

test('a run without an epoch has the header only', () => {
  assert.equal(resultsCsv([]), 'epoch,train_loss,test_acc@1,test_acc@5\n');
});

test('without labels, the columns are those of what was measured instead', () => {
  const names = ['effectiveRank', 'alignment'] as const;
  const rows = [
    { epoch: 1, trainLoss: 7.25, effectiveRank: 30, alignment: 0.5 },
    { epoch: 2, trainLoss: 7, alignment: 0.25 },
  ];
  assert.equal(
    unlabelledResultsCsv(rows, names),
    'epoch,train_loss,effective_rank,alignment\n1,7.25,30.0,0.5\n2,7.0,,0.25\n',
  );
  assert.equal(unlabelledResultsCsv([], names), 'epoch,train_loss,effective_rank,alignment\n');
});
