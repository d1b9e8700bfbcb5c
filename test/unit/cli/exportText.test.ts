import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportLines } from '#moco/cli/exportText.js';
import type { ExportResult } from '#moco/index.js';

const RESULT: ExportResult = {
  out: '/models/encoder',
  format: 'onnx',
  model: '/models/encoder/onnx/model.onnx',
  description: {
    mocoVersion: '0.1.0',
    arch: 'resnet50',
    stem: 'imagenet',
    width: 1,
    featureLength: 2048,
    featureDim: undefined,
    head: undefined,
    input: { imageSize: 224, cropShare: 0.875, mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2] },
    epoch: 100,
    trainedOn: { name: 'photos', pictures: 5000 },
    file: { name: 'model.pth', sha256: 'abc' },
  },
  leftOut: [{ name: 'fc', tensors: 2 }],
  notes: ['what no tensor shows'],
  comparison: { pictures: 4, deviation: 0.00000123, bound: 1e-4 },
};

test('an export is told line by line', () => {
  assert.deepEqual(exportLines(RESULT), [
    'wrote   /models/encoder (ONNX: onnx/model.onnx)',
    'model   resnet50 with the imagenet stem: features of 2048',
    'input   224×224, the middle of a picture whose shorter side is 256',
    '        mean 0.5000 0.5000 0.5000, deviation 0.2000 0.2000 0.2000',
    'data    photos: 5000 pictures',
    'checks  onnxruntime and moco on 4 pictures: largest difference 1.2e-6 of the largest number, at most 0.0001',
    'note: left out: fc (2 tensors)',
    'note: what no tensor shows',
  ]);
});

test('where nothing was compared, it says why', () => {
  const lines = exportLines({
    ...RESULT,
    comparison: { reason: 'onnxruntime-node is not installed' },
  });
  const note = "note: not compared with moco's own features: onnxruntime-node is not installed";
  assert.ok(lines.includes(note));
  const torchScript = exportLines({ ...RESULT, format: 'torchscript', comparison: undefined });
  assert.ok(!torchScript.some((line) => /compared|checks/.test(line)));
});
