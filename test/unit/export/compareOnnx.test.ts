import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { exportCommand } from '#moco/config/exportConfig.js';
import { parseConfig } from '#moco/config/resolve.js';
import { compareOnnx, type OwnRows } from '#moco/export/compareOnnx.js';
import { compareWithOwn } from '#moco/export/compareWithOwn.js';
import { type ExportResult, exportWith } from '#moco/export/exportModel.js';
import { normalised } from '#moco/export/trialPictures.js';
import { exportAddon } from '../../support/exportAddon.js';
import { onnxRuntime, runOnnx } from '../../support/onnx.js';
import { writeRandomModel } from '../../support/randomModel.js';
import { encoderLayout } from '../../support/resnetLayout.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const INPUT = {
  imageSize: 32,
  cropShare: 0.8,
  mean: [0.5, 0.4, 0.3],
  std: [0.2, 0.3, 0.25],
} as const;

const folder = temporaryFolder();
let exported: ExportResult;
before(async () => {
  const modelPath = join(folder, 'model.safetensors');
  await writeRandomModel(modelPath, encoderLayout('resnet18', 16));
  const given = { ...INPUT, mean: [...INPUT.mean], std: [...INPUT.std] };
  const config = parseConfig(exportCommand, { modelPath, out: join(folder, 'export'), ...given });
  const tools = { loadAddon: () => exportAddon, compare: async () => ({ reason: 'later' }) };
  exported = await exportWith(tools, config);
});

/** What the exported model itself computes, in place of moco. */
const itself: OwnRows = async (pictures, output) => {
  const outputs = await runOnnx(exported.model, normalised(pictures, INPUT), INPUT.imageSize);
  const { data } = outputs[output === 'features' ? 'image_embeds' : 'projection'] as {
    data: Float32Array;
  };
  return data;
};

const compare = (own: OwnRows) => compareOnnx(onnxRuntime, exported.model, INPUT, true, own);

test('a model that computes what moco does is told how near it is', async () => {
  assert.deepEqual(await compare(itself), { pictures: 4, deviation: 0, bound: 1e-4 });
});

for (const output of ['features', 'projection'] as const) {
  for (const [what, change] of [
    ['another number', (value: number) => value + 1],
    ['NaN', () => Number.NaN],
  ] as const) {
    test(`${what} in a row of ${output} is an error`, async () => {
      const changed: OwnRows = async (pictures, wanted) => {
        const rows = Float32Array.from(await itself(pictures, wanted));
        if (wanted === output) rows[7] = change(rows[7] as number);
        return rows;
      };
      await assert.rejects(compare(changed), {
        code: 'ERR_MOCO_NATIVE',
        message: /^onnxruntime computes something else than moco: /,
      });
    });
  }
}

test('a file that onnxruntime refuses is an error', async () => {
  const path = join(exported.out, 'config.json');
  await assert.rejects(compareOnnx(onnxRuntime, path, INPUT, true, itself), {
    code: 'ERR_MOCO_NATIVE',
    message: /^onnxruntime cannot run the export: /,
  });
});

test('the middle of a picture is normalised, one channel after the other', () => {
  const input = { imageSize: 1, cropShare: 1 / 3, mean: [0, 0.5, 1], std: [1, 0.5, 0.1] } as const;
  const picture = new Uint8Array(27).fill(9);
  picture.set([255, 51, 0], 12); // the pixel in the middle of 3 × 3
  const values = [...normalised([picture], input)];
  assert.deepEqual(values, [1, Math.fround((0.2 - 0.5) / 0.5), -10]);
});

test('without onnxruntime-node nothing is compared', async () => {
  const { model, description } = exported;
  const where = { modelPath: '/nowhere.pth' };
  const missing = async () => undefined;
  assert.deepEqual(await compareWithOwn(model, where, description, undefined, missing), {
    reason: 'onnxruntime-node is not installed',
  });
});
