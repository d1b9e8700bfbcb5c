/** A project's files, by name: two tests that train, and two whose time is over while they train. */
export function testFiles(folder) {
  return {
    'package.json': JSON.stringify({
      type: 'module',
      jest: { transform: {}, testMatch: ['**/*.test.mjs'] },
    }),
    'vitest.config.mjs': `export default {
  test: { globals: true, include: ['*.test.mjs'], maxWorkers: 2 },
};
`,
    'first.test.mjs': trains(folder),
    'second.test.mjs': trains(folder),
    'late.test.mjs': isLate(folder),
    'later.test.mjs': isLate(folder),
  };
}

const start = (folder) => `
import { mkdtempSync } from 'node:fs';
import { inspectFile, MocoError, train } from 'moco-node';

const config = {
  dataset: 'shapes', trainLimit: 64, testLimit: 32, arch: 'resnet18', featureDim: 16, m: 32, k: 5,
  batchSize: 16, epochs: 1, device: 'cpu', threads: 1, out: mkdtempSync(${JSON.stringify(`${folder}/run-`)}),
};
`;

const trains = (folder) => `${start(folder)}
test('trains, and fails as it should', async () => {
  const { best } = await train(config, { signal: new AbortController().signal });
  expect(best.epoch).toBe(1);
  const error = await inspectFile(config.out + '/missing.pth').catch((reason) => reason);
  expect(error).toBeInstanceOf(MocoError);
  expect(error).toBeInstanceOf(Error);
}, 120_000);
`;

const isLate = (folder) => `${start(folder)}
test('trains for longer than it may', async () => {
  await train({ ...config, epochs: 10_000 });
}, 5_000);
`;
