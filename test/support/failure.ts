import assert from 'node:assert/strict';
import { MocoError, type MocoErrorCode } from '#moco/error.js';

/** The `MocoError` that a promise is rejected with. Fails the test where it ends in any other way. */
export async function failure(promise: Promise<unknown>, code?: MocoErrorCode): Promise<MocoError> {
  const error = await promise.then(
    () => assert.fail('there was no error'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof MocoError, String(error));
  if (code !== undefined) assert.equal(error.code, code);
  return error;
}
