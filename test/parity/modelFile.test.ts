import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type TrainEvent, train } from 'moco-node';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { runPython, skip } from './python.js';

/** How many entries the reference's state dict has: parameters, statistics and batch counters. */
const KEYS = { resnet18: 128, resnet34: 224, resnet50: 326 };

const folder = temporaryFolder();

/** The best model, the last one and the checkpoint of a run of one step. */
async function trained(arch: keyof typeof KEYS) {
  let checkpoint = '';
  const onEvent = (event: TrainEvent) => {
    if (event.type === 'checkpoint') checkpoint = event.path;
  };
  const pictures = { dataset: 'shapes', trainLimit: 8, testLimit: 4 } as const;
  const recipe = { arch, m: 8, k: 2, batchSize: 8, epochs: 1, threads: 1, device: 'cpu' } as const;
  const { files } = await train({ ...pictures, ...recipe, out: join(folder, arch) }, { onEvent });
  return { best: files.model, last: files.lastModel, checkpoint };
}

for (const [arch, keys] of Object.entries(KEYS)) {
  test(`Python loads a ${arch} and its checkpoint into the reference's model, key by key`, {
    skip,
  }, async () => {
    const { best, last, checkpoint } = await trained(arch as keyof typeof KEYS);
    const reports = [best, last, checkpoint].map((path) => {
      const report = JSON.parse(runPython('check_model_file.py', path, arch));
      return report as { keys: number; feature_norm: number };
    });
    assert.equal(reports[0]?.keys, keys);
    assert.ok((reports[0]?.feature_norm as number) > 0);
    assert.deepEqual(reports, Array(3).fill(reports[0])); // all three are of the same epoch
  });
}
