import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { benchScript } from '../../support/benchScript.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const { runProgram } = await benchScript('gpu/program.mjs');

function run(t: TestContext, script: string, changes: object = {}) {
  const log = join(temporaryFolder(t), 'log');
  const { signal } = new AbortController();
  const settings = { command: ['bash', '-c', script], env: {}, log, seconds: 60, signal };
  return { log, outcome: runProgram({ ...settings, ...changes }) as Promise<string> };
}

test('how a program ended is told in words, and what it printed is in its log', async (t) => {
  const done = run(t, 'echo "$WORD"; echo error >&2', { env: { WORD: 'fine' } });
  assert.equal(await done.outcome, 'done');
  assert.deepEqual(readFileSync(done.log, 'utf8').trim().split('\n').sort(), ['error', 'fine']);
  assert.equal(await run(t, 'exit 3').outcome, 'exit code 3');
  assert.equal(await run(t, 'kill -SEGV $$').outcome, 'ended by SIGSEGV');
  const missing = run(t, '', { command: ['/no/such/program'] });
  assert.match(await missing.outcome, /^did not start: .*ENOENT/);
});

/** A program whose child keeps a connection open until it ends, and a promise of that end. */
async function holder(t: TestContext) {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const hold = `(exec 3<>/dev/tcp/127.0.0.1/${port}; sleep 1000) & wait`;
  const connected = once(server, 'connection');
  return { hold, connected };
}

test('when its time is over, a program ends with all that it started', async (t) => {
  const { hold, connected } = await holder(t);
  const { outcome } = run(t, hold, { seconds: 1 });
  const [socket] = await connected;
  const closed = once(socket.resume(), 'close');
  assert.equal(await outcome, 'cut off after 1 s');
  await closed;
});

test('a program that is stopped ends with all that it started', async (t) => {
  const { hold, connected } = await holder(t);
  const stopping = new AbortController();
  const { outcome } = run(t, hold, { signal: stopping.signal });
  const [socket] = await connected;
  const closed = once(socket.resume(), 'close');
  stopping.abort();
  assert.equal(await outcome, 'stopped');
  await closed;
});
