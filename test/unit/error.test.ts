import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MocoError } from '#moco/error.js';

test('an error of the addon becomes a MocoError with its code, message and hint', () => {
  const ofAddon = Object.assign(new Error('the loss of step 3 is NaN'), {
    code: 'ERR_MOCO_NON_FINITE',
    hint: 'Lower the learning rate.',
  });
  const error = MocoError.from(ofAddon);
  assert.ok(error instanceof MocoError);
  assert.equal(error.code, 'ERR_MOCO_NON_FINITE');
  assert.equal(error.message, 'the loss of step 3 is NaN');
  assert.equal(error.hint, 'Lower the learning rate.');
  assert.equal(error.cause, ofAddon);
});

test('an error of the addon need not have a hint', () => {
  const error = MocoError.from(Object.assign(new Error('no'), { code: 'ERR_MOCO_DEVICE' }));
  assert.equal(error.hint, undefined);
});

test('a MocoError stays the one it is', () => {
  const error = new MocoError('ERR_MOCO_DATA', 'truncated');
  assert.equal(MocoError.from(error), error);
});

for (const [name, thrown] of [
  ['an error without a code', new TypeError('undefined is not a function')],
  ['a system error', Object.assign(new Error('full'), { code: 'ENOSPC' })],
  ['an unknown code', Object.assign(new Error('?'), { code: 'ERR_MOCO_UNKNOWN' })],
  ['something that is no error', 'text'],
] as const) {
  test(`${name} is thrown on, unchanged`, () => {
    assert.throws(
      () => MocoError.from(thrown),
      (error) => error === thrown,
    );
  });
}
