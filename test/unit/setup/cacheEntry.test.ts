import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { test } from 'node:test';
import { isReadOnly } from '#moco/setup/cacheEntry.js';
import { bareHost } from '../../support/fakeHost.js';
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
