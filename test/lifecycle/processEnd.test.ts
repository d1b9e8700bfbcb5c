import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before } from 'node:test';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import { verifyChecksums } from '#moco/formats/verifyChecksums.js';
import { findCheckpoint } from '#moco/train/checkpoint.js';
import {
  endsAsWithoutUs,
  endsInEveryWay,
  type Work,
  workerEndsAlone,
} from '../support/programEnds.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

// A program that uses the package ends as it would without it, at any moment: with the exit code
// that Node gives, no signal and no wait, and with a good checkpoint.

const folder = temporaryFolder();
let model: string;

/** Code that begins with what all of them need. */
function working(code: string, out: string): string {
  const { epochs, ...run } = TINY_RUN;
  const { dataset, trainLimit, testLimit, arch, device, threads } = TINY_RUN;
  return `
    const config = ${JSON.stringify({ ...run, epochs: 100_000, checkpointMinutes: 0.001, out: join(folder, out) })};
    const evaluated = ${JSON.stringify({ dataset, trainLimit, testLimit, arch, device, threads })};
    const model = ${JSON.stringify(model)};
    const { train, knn, linear, profileStep, convertModel } = await import('moco-node');
    ${code}
  `;
}

const training: Work = {
  name: 'training',
  code: (out) =>
    working(
      `await train(config, { onEvent: ({ type }) => { if (type === 'checkpoint') begun(); } });`,
      out,
    ),
  async check(out) {
    const directory = join(folder, out, '16_32_0.5_0.999_5_16_100000');
    const { checkpoint } = await findCheckpoint(directory);
    assert.ok((await verifyChecksums(await readTensorFile(checkpoint.source.path))) > 0);
  },
};

const OTHERS = {
  evaluating: `
    begun();
    for (;;) {
      await knn({ ...evaluated, modelPath: model, k: 5 });
      await linear({ ...evaluated, modelPath: model, out: config.out, cached: true, epochs: 2 });
    }
  `,
  measuring: `
    begun();
    for (;;) await profileStep({ arch: 'resnet18', batchSize: 8, threads: 1, seconds: 1, precision: 'fp32' });
  `,
  converting: `
    begun();
    for (;;) await convertModel(model, config.out + '.safetensors', { force: true });
  `,
} as const;

before(async () => {
  const { train } = await import('moco-node');
  const { files } = await train({ ...TINY_RUN, epochs: 1, out: join(folder, 'model') });
  model = files.model;
});

endsInEveryWay(training);
for (const [name, code] of Object.entries(OTHERS)) {
  const work: Work = { name, code: (out) => working(code, out) };
  endsAsWithoutUs(work, 'process.exit()');
  endsAsWithoutUs(work, 'process.reallyExit()');
  workerEndsAlone(work, 'process.exit() in it');
  workerEndsAlone(work, 'terminate()');
}
