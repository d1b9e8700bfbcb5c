import assert from 'node:assert/strict';
import { existsSync, utimesSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cachedSetups, pruneSetups } from 'moco-node';
import { thisHost } from '#moco/setup/host.js';
import { wheelEntry } from '#moco/setup/libtorchCache.js';
import { libtorchFiles, writeFiles } from '../../support/fakeHost.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

/** A cache with what several versions of moco have left there, as this process's. */
function filledCache(t: TestContext): string {
  const cache = temporaryFolder(t);
  const before = process.env.MOCO_CACHE;
  t.after(() => {
    if (before === undefined) delete process.env.MOCO_CACHE;
    else process.env.MOCO_CACHE = before;
  });
  process.env.MOCO_CACHE = cache;
  writeFiles(join(wheelEntry(thisHost(), 'cpu'), 'torch'), libtorchFiles('2.13.0'));
  writeFiles(cache, {
    'libtorch-2.12.0-linux-x64-cpu/torch/lib/libc10.so': 'x'.repeat(1000),
    'addon-0.0.9-linux-x64-12345678-torch2.12/moco.node': 'x'.repeat(500),
    'set-up-0.0.9-linux-x64-12345678.json': '{}',
    'partial-old/contents/libc10.so': '',
    'partial-new/contents/libc10.so': '',
    'clang-format-22/program': '',
    'set-up.lock': '',
  });
  const twoDaysAgo = new Date(Date.now() - 48 * 3600 * 1000);
  utimesSync(join(cache, 'partial-old'), twoDaysAgo, twoDaysAgo);
  return cache;
}

const UNUSED = [
  'addon-0.0.9-linux-x64-12345678-torch2.12',
  'libtorch-2.12.0-linux-x64-cpu',
  'partial-old',
  'set-up-0.0.9-linux-x64-12345678.json',
];

test('what is in the cache is listed with its size, and whether this version needs it', (t) => {
  const cache = filledCache(t);
  const entries = cachedSetups();
  const byName = new Map(entries.map((entry) => [basename(entry.path), entry]));
  assert.deepEqual(byName.get('libtorch-2.12.0-linux-x64-cpu'), {
    path: join(cache, 'libtorch-2.12.0-linux-x64-cpu'),
    kind: 'LibTorch',
    bytes: 1000,
    isUsed: false,
  });
  assert.equal(byName.get(basename(wheelEntry(thisHost(), 'cpu')))?.isUsed, true);
  assert.equal(byName.get('partial-new')?.isUsed, true, 'somebody may just be making it');
  assert.equal(byName.get('clang-format-22')?.kind, 'other');
  assert.equal(byName.has('set-up.lock'), false);
});

test('pruning removes what this version does not need, and nothing that is not of set-ups', async (t) => {
  const cache = filledCache(t);
  const removed = await pruneSetups();
  assert.deepEqual(removed.map(({ path }) => basename(path)).sort(), UNUSED);
  for (const name of UNUSED) assert.ok(!existsSync(join(cache, name)), name);
  for (const name of ['partial-new', 'clang-format-22']) assert.ok(existsSync(join(cache, name)));
  assert.ok(existsSync(wheelEntry(thisHost(), 'cpu')));
  assert.deepEqual(await pruneSetups(), []);
});

test('a cache that was never made is empty', (t) => {
  filledCache(t);
  process.env.MOCO_CACHE = join(temporaryFolder(t), 'not there');
  assert.deepEqual(cachedSetups(), []);
});
