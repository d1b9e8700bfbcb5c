import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { convertModel, exportModel } from 'moco-node';
import { writeRandomModel } from '../support/randomModel.js';
import { encoderLayout } from '../support/resnetLayout.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { runPython, skip } from './python.js';

const INPUT = { imageSize: 32, mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] };
const FEATURE_DIM = 16;

/** How much fp32 of two libraries may differ, as a share of the largest number. */
const ROUNDING = 1e-5;

for (const [arch, stem] of [
  ['resnet18', 'cifar'],
  ['resnet34', 'imagenet'],
  ['resnet50', 'cifar'],
  ['resnet50', 'imagenet'],
] as const) {
  for (const foldBatchNorm of [true, false]) {
    const how = foldBatchNorm ? 'folded' : 'not folded';
    test(`Python runs an exported ${arch} with the ${stem} stem, ${how}, as the reference`, {
      skip,
    }, async () => {
      const folder = temporaryFolder();
      const [random, model] = [join(folder, 'random.safetensors'), join(folder, 'model.pth')];
      await writeRandomModel(random, encoderLayout(arch, FEATURE_DIM, stem));
      await convertModel(random, model);
      for (const format of ['onnx', 'torchscript'] as const) {
        await exportModel({
          modelPath: model,
          out: join(folder, format),
          format,
          foldBatchNorm,
          ...INPUT,
        });
      }
      const words = [model, arch, stem, String(FEATURE_DIM), folder];
      const deviations: Record<string, number> = JSON.parse(runPython('check_export.py', ...words));
      assert.ok('torchscript' in deviations);
      for (const [runtime, deviation] of Object.entries<number>(deviations)) {
        assert.ok(deviation < ROUNDING, `${runtime}: ${deviation}`);
      }
    });
  }
}
