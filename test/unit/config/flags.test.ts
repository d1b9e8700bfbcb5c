import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configKeys } from '#moco/config/commandConfig.js';
import { configFlags } from '#moco/config/flags.js';
import { resolveConfig } from '#moco/config/resolve.js';
import { trainCommand } from '#moco/config/trainConfig.js';

test('every key has a flag in dashes, and in underscores where it has several words', () => {
  const flags = configFlags(trainCommand);
  assert.deepEqual(
    flags.map(({ key }) => key),
    configKeys(trainCommand),
  );
  const batchSize = flags.find(({ key }) => key === 'batchSize');
  assert.equal(batchSize?.flag, '--batch-size');
  assert.equal(batchSize?.underscoreFlag, '--batch_size');
  const queue = flags.find(({ key }) => key === 'm');
  assert.equal(queue?.flag, '--m');
  assert.equal(queue?.underscoreFlag, undefined);
});

test('what is on has a flag that turns it off', async () => {
  const flags = configFlags(trainCommand);
  const cudaGraph = flags.find(({ key }) => key === 'cudaGraph');
  assert.equal(cudaGraph?.flag, '--no-cuda-graph');
  assert.equal(cudaGraph?.underscoreFlag, '--no_cuda_graph');
  const typed = flags
    .filter(({ meaning }) => meaning !== undefined)
    .map(({ flag, meaning }) => ({ flag, text: meaning }));
  const {
    cudaGraph: graph,
    tf32,
    deterministic,
  } = await resolveConfig(trainCommand, {
    flags: [...typed, { flag: '--optimiser', text: 'sgd' }], // for Nesterov's momentum
  });
  assert.deepEqual(
    { graph, tf32, deterministic },
    { graph: false, tf32: false, deterministic: true },
  );
});
