import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configKeys } from '#moco/config/commandConfig.js';
import { configFlags } from '#moco/config/flags.js';
import { configJsonSchema } from '#moco/config/jsonSchema.js';
import { resolveConfig } from '#moco/config/resolve.js';
import { trainCommand } from '#moco/config/trainConfig.js';

const schema = configJsonSchema(trainCommand) as {
  properties: Record<string, { description?: string; default?: unknown; maximum?: number }>;
  required?: string[];
  additionalProperties: boolean;
};

test('the JSON Schema knows every key, says what it is, asks for none and allows no other', () => {
  assert.deepEqual(Object.keys(schema.properties), ['$schema', ...configKeys(trainCommand)]);
  for (const [key, { description }] of Object.entries(schema.properties)) {
    assert.ok(description, key);
  }
  assert.equal(schema.required, undefined);
  assert.equal(schema.additionalProperties, false);
});

test('the JSON Schema holds the limits and the defaults', () => {
  assert.equal(schema.properties.m?.maximum, 4_194_304);
  assert.equal(schema.properties.momentum?.default, 0.999);
});

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
    flags: typed,
  });
  assert.deepEqual(
    { graph, tf32, deterministic },
    { graph: false, tf32: false, deterministic: true },
  );
});

test('the example configurations are right', async () => {
  const file = new URL('../../../../examples/shapes.json', import.meta.url);
  const { dataset, arch } = await resolveConfig(trainCommand, { file: fileURLToPath(file) });
  assert.deepEqual({ dataset, arch }, { dataset: 'shapes', arch: 'resnet18' });
});
