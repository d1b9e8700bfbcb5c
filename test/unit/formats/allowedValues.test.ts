import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import { describeTensors, expectedOfAllowed, modelFile } from '../../support/modelFiles.js';

for (const [name, { tensors, opaque }] of Object.entries(await expectedOfAllowed())) {
  test(`of ${name}, every tensor is read, and all else is named with its place`, async () => {
    const path = modelFile(`allowed/${name}`);
    const file = await readTensorFile(path);
    assert.deepEqual(describeTensors(file.tensors, await readFile(path)), tensors);
    const named = file.opaque.flatMap(({ what, places }) => places.map((place) => [place, what]));
    assert.deepEqual(named.sort(), Object.entries(opaque).sort());
  });
}

test('a model that was pickled whole beside a state dict is told from other objects', async () => {
  const { opaque } = await readTensorFile(modelFile('allowed/refused.pth'));
  assert.deepEqual(
    opaque.filter(({ kind }) => kind === 'module').map(({ what, places }) => [what, places]),
    [['train.Net', ['module']]],
  );
});
