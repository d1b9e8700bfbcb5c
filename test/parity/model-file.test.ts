import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type TrainEvent, train } from 'moco';

const script = fileURLToPath(new URL('../../../test/parity/check_model_file.py', import.meta.url));
const python = process.env.MOCO_TEST_PYTHON ?? 'python3';
const hasTorch = spawnSync(python, ['-c', 'import torch, numpy']).status === 0;
const skip = hasTorch ? false : `${python} has no torch and numpy (MOCO_TEST_PYTHON names another)`;

/** Entries of the reference's state dict: parameters, statistics and batch counters. */
const KEYS = { resnet18: 128, resnet34: 224, resnet50: 326 };

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moco-model-'));
});
after(() => rm(folder, { recursive: true }));

/** The model files of a run of one step. */
async function modelFiles(arch: keyof typeof KEYS): Promise<string[]> {
  const paths: string[] = [];
  const onEvent = (event: TrainEvent) => {
    if (event.type === 'model') paths.push(event.path);
  };
  const pictures = { dataset: 'shapes', trainLimit: 8, testLimit: 4 } as const;
  const recipe = { arch, m: 8, k: 2, batchSize: 8, epochs: 1, threads: 1, device: 'cpu' } as const;
  await train({ ...pictures, ...recipe, out: join(folder, arch) }, { onEvent });
  return [...new Set(paths)];
}

for (const [arch, keys] of Object.entries(KEYS)) {
  test(`Python loads a ${arch} into the reference's model, key by key`, { skip }, async () => {
    const paths = await modelFiles(arch as keyof typeof KEYS);
    assert.equal(paths.length, 2);
    for (const path of paths) {
      const { status, stdout, stderr } = spawnSync(python, [script, path, arch], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
      const report = JSON.parse(stdout) as { keys: number; feature_norm: number };
      assert.equal(report.keys, keys);
      assert.ok(report.feature_norm > 0);
    }
  });
}
