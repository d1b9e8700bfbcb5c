import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configKeys } from '#moco/config/commandConfig.js';
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

test('the example configurations are right', async () => {
  const file = new URL('../../../../examples/shapes.json', import.meta.url);
  const { dataset, arch } = await resolveConfig(trainCommand, { file: fileURLToPath(file) });
  assert.deepEqual({ dataset, arch }, { dataset: 'shapes', arch: 'resnet18' });
});
