import assert from 'node:assert/strict';
import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { thisHolder } from '#moco/disk/lockHolder.js';
import { MocoError } from '#moco/error.js';
import { fillEntry, isAbandoned, isReadOnly } from '#moco/setup/cacheEntry.js';
import { deadProcess } from '../../support/deadProcess.js';
import { bareHost, writeFiles } from '../../support/fakeHost.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

test('a cache that may not be written is told from one that may', async (t) => {
  const cache = temporaryFolder(t);
  const host = bareHost(cache, { MOCO_CACHE: cache });
  assert.equal(await isReadOnly(host), false);
  chmodSync(cache, 0o555);
  // The superuser may write wherever the file system can be written.
  assert.equal(await isReadOnly(host), process.getuid?.() !== 0);
  chmodSync(cache, 0o755);
});

test('what a set-up left that was killed is removed by the next one, and what one is at is not', async (t) => {
  const cache = temporaryFolder(t);
  const host = bareHost(cache, { MOCO_CACHE: join(cache, 'moco') });
  const killed = { ...thisHolder(), pid: deadProcess() };
  writeFiles(join(cache, 'moco'), { 'partial-killed/lock': JSON.stringify(killed) });
  const make = (name: string, fill: () => Promise<void>) =>
    fillEntry(join(cache, 'moco', name), host, {
      ...{ fill, problem: () => undefined },
      unusable: () => new MocoError('ERR_MOCO_TOOLCHAIN', 'not to be seen'),
    });
  await make('first', async () => {
    const [ours = '', ...others] = readdirSync(join(cache, 'moco')).filter((name) =>
      /^p/.test(name),
    );
    assert.deepEqual(others, []);
    assert.equal(isAbandoned(join(cache, 'moco', ours)), false);
    await make('second', async () => {});
  });
  assert.deepEqual(readdirSync(join(cache, 'moco')).sort(), ['first', 'second']);
});
