import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { compareWithOwn } from '#moco/export/compareWithOwn.js';
import { verifyChecksums } from '#moco/formats/verifyChecksums.js';
import { type ExportConfigInput, exportModel } from '#moco/index.js';
import { readModel } from '#moco/model/readModel.js';
import { onnxRuntime } from '../support/onnx.js';
import { writeRandomModel } from '../support/randomModel.js';
import { encoderLayout } from '../support/resnetLayout.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

const INPUT = { imageSize: 40, cropShare: 0.8, mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.25] };

/** How much fp32 of onnxruntime and of moco may differ, as a share of the largest number. */
const ROUNDING = 1e-5;

const folder = temporaryFolder();

async function exported(arch: string, stem: 'cifar' | 'imagenet', config: ExportConfigInput) {
  const modelPath = join(folder, `${arch}_${stem}.safetensors`);
  await writeRandomModel(modelPath, encoderLayout(arch, 16, stem));
  const out = join(folder, `${arch}_${stem}_${JSON.stringify(Object.values(config))}`);
  return { modelPath, ...(await exportModel({ modelPath, out, ...INPUT, ...config })) };
}

for (const [arch, stem] of [
  ['resnet18', 'cifar'],
  ['resnet18', 'imagenet'],
  ['resnet34', 'cifar'],
  ['resnet50', 'cifar'],
  ['resnet50', 'imagenet'],
] as const) {
  for (const foldBatchNorm of [true, false]) {
    const how = foldBatchNorm ? 'with BatchNorm folded in' : 'with BatchNorm of its own';
    test(`onnxruntime and moco compute the same by a ${arch} with the ${stem} stem, ${how}`, async () => {
      const { modelPath, model, description } = await exported(arch, stem, { foldBatchNorm });
      const load = async () => onnxRuntime;
      const found = await compareWithOwn(model, { modelPath }, description, undefined, load);
      assert.ok('deviation' in found);
      assert.ok(found.deviation < ROUNDING, String(found.deviation));
    });
  }
}

for (const format of ['safetensors', 'pth'] as const) {
  test(`an export as ${format} is the model that it was made of`, async () => {
    const { modelPath, model } = await exported('resnet18', 'cifar', { format });
    const [before, after] = [await readModel(modelPath), await readModel(model)];
    const layout = ({ tensors }: typeof before) =>
      new Map(tensors.map(({ name, dtype, shape }) => [name, { dtype, shape }]));
    assert.deepEqual(layout(after), layout(before));
    assert.deepEqual(after.architecture, before.architecture);
    await verifyChecksums(after.file);
  });
}
