import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { executable } from '../../support/moco.js';

const dataUrl = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;

/** A module after which importing a package fails with this error, in place of finding it. */
const without = (name: string, error: string) =>
  dataUrl(`
    import { register } from 'node:module';
    register(${JSON.stringify(
      dataUrl(`export const resolve = (name, context, next) => {
        if (name === '${name}') throw ${error};
        return next(name, context);
      };`),
    )});
  `);

const MISSING = "Object.assign(new Error('none'), { code: 'ERR_MODULE_NOT_FOUND' })";

for (const [name, error, message] of [
  ['fastify', MISSING, /the service needs fastify, which is not installed/],
  ['prom-client', MISSING, /the service needs prom-client, which is not installed/],
  [
    '@fastify/swagger',
    "new Error('it is broken')",
    /@fastify\/swagger, which cannot be loaded: it is b/,
  ],
] as const) {
  test(`where ${name} cannot be had, moco serve says what to install, before it loads anything`, () => {
    const words = ['--import', without(name, error), executable, 'serve', '--no-setup'];
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, message);
    assert.match(
      stderr,
      /hint: .*: npm install fastify @fastify\/multipart @fastify\/swagger prom-client sharp/,
    );
  });
}
