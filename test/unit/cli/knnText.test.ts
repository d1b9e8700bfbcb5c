import assert from 'node:assert/strict';
import { test } from 'node:test';
import { knnHeader, knnReport } from '#moco/cli/knnText.js';
import { knnCommand } from '#moco/config/knnConfig.js';
import { parseConfig } from '#moco/config/resolve.js';
import type { KnnResult } from '#moco/evaluate/knn.js';
import { evaluatorOn, NativeEvaluatorDouble } from '../../support/evaluatorDouble.js';

const { description } = evaluatorOn(new NativeEvaluatorDouble());

test('knn says what it measures, and that test pictures are classified', () => {
  const config = parseConfig(knnCommand, {});
  assert.deepEqual(knnHeader({ type: 'start', config, description }), [
    'moco 0.0.0, LibTorch 2.13.0',
    'device  cpu (double), 1 compute thread, 1 data thread',
    '        fp32: as asked',
    'data    shapes: 60 training and 8 test pictures, 3 classes',
    'model   model.pth',
    '        resnet18, stem cifar',
    'kNN     each test picture gets the class that its 200 nearest training pictures vote for',
  ]);
});

test('knn says whose convention a temperature is, and what each class gets', () => {
  const perClass = [
    { class: 'disc', pictures: 1000, top1: 75 },
    { class: 'ring', pictures: 0 },
  ];
  const result = (temperature: number, top1: number) => ({
    ...{ temperature, top1, top5: 100, perClass, confusion: [] },
  });
  const results = [result(0.5, 87.5), result(0.1, 9), result(0.07, 8)];
  const whole: KnnResult = { ...result(0.5, 87.5), k: 200, results, description };
  assert.deepEqual(knnReport(whole), [
    '',
    'temperature     top-1      top-5',
    "0.5           87.50 %   100.00 %   the reference's: the temperature that it trains with",
    "0.1            9.00 %   100.00 %   official MoCo's on CIFAR-10, and most papers'",
    '0.07           8.00 %   100.00 %',
    '',
    'class (temperature 0.5)   pictures     top-1',
    'disc                          1000   75.00 %',
    'ring                             0         –',
  ]);
});

test('of very many classes, no line is shown for each', () => {
  const perClass = Array.from({ length: 257 }, (_, number) => ({
    ...{ class: `n${number}`, pictures: 1, top1: 100 },
  }));
  const result = { temperature: 0.5, top1: 50, top5: 60, perClass, confusion: undefined };
  const lines = knnReport({ ...result, k: 200, results: [result], description });
  assert.equal(lines.length, 5);
  assert.equal(lines.at(-1), 'how each of the 257 classes did, --json tells');
});
