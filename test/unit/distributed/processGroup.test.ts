import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProcessGroup } from '#moco/distributed/processGroup.js';
import type { NativeGroup } from '#moco/native/group.js';

/** A group of two, of which the other process says what it is told to. */
function groupWith(other: unknown, left: string[] = []): ProcessGroup {
  const native: NativeGroup = {
    description: { rank: 0, processes: 2 },
    join: async () => {},
    exchange: async (own) => [own, JSON.stringify(other)],
    leave: async (reason) => {
      left.push(reason);
    },
    stop() {},
    dispose: async () => {},
  };
  return new ProcessGroup(native);
}

test('processes that were started alike may go on', async () => {
  const alike = { version: '1.0.0', epochs: 3, views: [{ count: 2 }] };
  await groupWith(alike).requireSame(alike);
});

test('what differs is named, with both values and the rank', async () => {
  const group = groupWith({ temperature: 0.5, 'training pictures': 50_000 });
  await assert.rejects(group.requireSame({ temperature: 0.2, 'training pictures': 50_000 }), {
    code: 'ERR_MOCO_CONFIG',
    message: /not started alike:\n {2}temperature: 0\.2 on rank 0, 0\.5 on rank 1$/,
  });
});

test('the others are told once why a process ends', async () => {
  const left: string[] = [];
  const group = groupWith({}, left);
  await group.leave(new Error('the disk is full'));
  await group.leave(new Error('and more'));
  assert.deepEqual(left, ['rank 0 ended: the disk is full']);
});
