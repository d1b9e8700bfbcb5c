import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluation } from '#moco/doctor/native.js';

const measured = { pictures: 512, fusedSeconds: 0.0018, plainSeconds: 0.00239 };

test('an evaluation is good where every layer is fused, however fast', () => {
  const { state, message, hint } = evaluation({ ...measured, fallbacks: [] });
  assert.equal(state, 'good');
  assert.equal(
    message,
    'convolutions with folded BatchNorm: fused 1.8 ms, plain 2.4 ms per 512 pictures',
  );
  assert.equal(hint, undefined);
});

test('layers that cuDNN cannot fuse are named, with its first reason', () => {
  const fallbacks = [
    { layer: 'f.0', reason: 'no engine\nand more' },
    { layer: 'f.3.0.conv1', reason: 'another' },
  ];
  const { state, message, hint } = evaluation({ ...measured, fallbacks });
  assert.equal(state, 'note');
  assert.match(message, /; cuDNN cannot fuse f\.0, f\.3\.0\.conv1$/);
  assert.match(hint ?? '', /cuDNN says: no engine$/);
});
