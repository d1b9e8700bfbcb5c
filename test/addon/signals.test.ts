import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import * as moco from '#moco/index.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

const folder = temporaryFolder();
const out = join(folder, 'results');
const { dataset, trainLimit, testLimit, arch, k, device, threads } = TINY_RUN;
const evaluated = { dataset, trainLimit, testLimit, arch, device, threads } as const;
const measured = { arch, batchSize: 8, rounds: 1000, seconds: 0, bank: 500, k, device } as const;
let modelPath: string;
before(async () => {
  modelPath = (await moco.train({ ...TINY_RUN, epochs: 1, out: join(folder, 'model') })).files
    .model;
});

interface Options {
  readonly signal: AbortSignal;
  readonly onEvent?: (event: { readonly type: string }) => void;
}

/** What would go on for long, were it not for the signal. */
const LONG: Record<string, (options: Options) => Promise<unknown>> = {
  train: (options) => moco.train({ ...TINY_RUN, epochs: 1_000_000, out }, options),
  knn: (options) => moco.knn({ ...evaluated, trainLimit: 5000, modelPath, k }, options),
  linear: (options) => moco.linear({ ...evaluated, modelPath, epochs: 1_000_000, out }, options),
  'linear, cached': (options) =>
    moco.linear({ ...evaluated, modelPath, cached: true, epochs: 1_000_000, out }, options),
  bench: (options) => moco.bench(measured, options),
  profileStep: (options) => moco.profileStep({ ...measured, seconds: 3600 }, options),
};

for (const [name, begin] of Object.entries(LONG)) {
  test(`${name} ends by a signal that is given while its first event is handled`, async () => {
    const controller = new AbortController();
    const running = begin({ signal: controller.signal, onEvent: () => controller.abort() });
    await assert.rejects(running, { name: 'MocoError', code: 'ERR_MOCO_ABORTED' });
  });

  test(`${name} ends by a signal that is given in the middle`, async () => {
    const controller = new AbortController();
    const running = begin({
      signal: controller.signal,
      onEvent: () => void setTimeout(() => controller.abort(), 50),
    });
    await assert.rejects(running, { name: 'MocoError', code: 'ERR_MOCO_ABORTED' });
  });

  test(`${name} ends by a signal that is given right after the call, or before it`, async () => {
    const controller = new AbortController();
    const running = begin({ signal: controller.signal });
    controller.abort();
    await assert.rejects(running, { name: 'MocoError', code: 'ERR_MOCO_ABORTED' });
    await assert.rejects(begin({ signal: AbortSignal.abort() }), { code: 'ERR_MOCO_ABORTED' });
  });
}

test('a trainer whose signal is given while it is made is disposed of, and leaves nothing', async () => {
  const controller = new AbortController();
  const place = join(folder, 'never');
  const making = moco.createTrainer({ ...TINY_RUN, out: place }, { signal: controller.signal });
  setImmediate(() => controller.abort());
  await assert.rejects(making, { code: 'ERR_MOCO_ABORTED' });
  assert.ok(!existsSync(place));
});
