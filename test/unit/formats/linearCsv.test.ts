import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linearCachedCsv, linearStatisticsCsv } from '#moco/formats/linearCsv.js';

const train = { loss: 1.5, top1: 45, top5: 91.30000000000001 };
const tested = { loss: Number.NaN, top1: 100, top5: 0 };
const validation = { loss: 1e-5, top1: 2, top5: 3 };

const HEADER = 'epoch,train_loss,train_acc@1,train_acc@5,test_loss,test_acc@1,test_acc@5';
const SPLITS = '1.5,45.0,91.30000000000001,,100.0,0.0';

test("linear statistics have the reference's columns and its spelling of numbers", () => {
  const rows = [{ epoch: 1, train, test: tested, validation: undefined }];
  assert.equal(linearStatisticsCsv(rows, false), `${HEADER}\n1,${SPLITS}\n`);
  assert.equal(linearStatisticsCsv([], false), `${HEADER}\n`);
});

test('the columns of validation come last', () => {
  const rows = [{ epoch: 1, train, test: tested, validation }];
  assert.equal(
    linearStatisticsCsv(rows, true),
    `${HEADER},validation_loss,validation_acc@1,validation_acc@5\n1,${SPLITS},1e-05,2.0,3.0\n`,
  );
});

test('probes on cached features have one line per learning rate', () => {
  const [header, line] = linearCachedCsv([
    { learningRate: 0.0001, train, test: tested, validation },
  ]).split('\n');
  assert.match(header as string, /^learning_rate,train_loss,.*,validation_acc@5$/);
  assert.equal(line, `0.0001,${SPLITS},1e-05,2.0,3.0`);
});
