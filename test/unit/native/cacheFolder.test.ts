import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheFolder } from '#moco/native/cacheFolder.js';
import { bareHost } from '../../support/fakeHost.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

test('the cache is in $MOCO_CACHE, else in $XDG_CACHE_HOME, else where the platform keeps caches', (t) => {
  const host = bareHost(temporaryFolder(t));
  const env = { HOME: '/home/me' };
  assert.equal(
    cacheFolder({ ...host, env: { ...env, MOCO_CACHE: '/c', XDG_CACHE_HOME: '/x' } }),
    '/c',
  );
  assert.equal(cacheFolder({ ...host, env: { ...env, XDG_CACHE_HOME: '/x' } }), '/x/moco');
  assert.equal(cacheFolder({ ...host, env }), '/home/me/.cache/moco');
  assert.equal(cacheFolder({ ...host, env, platform: 'darwin' }), '/home/me/Library/Caches/moco');
});

test('an empty HOME is none: the system knows where a user is at home', () => {
  const cache = cacheFolder({ platform: 'linux', env: { HOME: '' } });
  assert.match(cache, /^\/.*\.cache\/moco$/);
});
