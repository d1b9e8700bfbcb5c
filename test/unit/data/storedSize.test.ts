import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storedSizeFor } from '#moco/data/storedSize.js';

test('pictures are stored with a margin for crops, to a multiple of eight', () => {
  const sizes = [32, 48, 64, 96, 128, 160, 192, 224];
  assert.deepEqual(sizes.map(storedSizeFor), [32, 56, 72, 112, 144, 184, 216, 256]);
});
