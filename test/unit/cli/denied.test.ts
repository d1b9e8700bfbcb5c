import assert from 'node:assert/strict';
import { test } from 'node:test';
import { denied } from '#moco/cli/denied.js';

const failure = (properties: object) => Object.assign(new Error('restricted'), properties);

test('what the permission model denied is named, with the flag that allows it', () => {
  const code = 'ERR_ACCESS_DENIED';
  assert.deepEqual(denied(failure({ code, permission: 'FileSystemRead', resource: '/a/b' })), {
    message: "Node's permission model does not allow FileSystemRead of /a/b",
    hint: 'Give Node --allow-fs-read=/a/b.',
  });
  assert.deepEqual(denied(failure({ code, permission: 'ChildProcess', resource: '' })), {
    message: "Node's permission model does not allow ChildProcess",
    hint: 'Give Node --allow-child-process.',
  });
});

test('other errors are none of the permission model', () => {
  for (const other of [failure({ code: 'EACCES' }), failure({ code: 'ERR_ACCESS_DENIED' }), null]) {
    assert.equal(denied(other), undefined);
  }
});
