import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type StartedService, startedService } from '../../support/startedService.js';

/** A black pixel, which a double takes as long for as its script says. */
const PIXEL = '/embed?width=1&height=1';

const post = (service: StartedService, init: RequestInit = {}) =>
  fetch(service.url + PIXEL, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.alloc(3),
    ...init,
  });

/** Status, code and Retry-After of an answer. */
async function refusal(answer: Promise<Response>) {
  const response = await answer;
  const { error } = (await response.json()) as { error?: { code: string } };
  return [response.status, error?.code, response.headers.get('retry-after')];
}

/** Waits until so many pictures have come to the encoder. */
async function begun({ encoder }: StartedService, count: number): Promise<void> {
  while (encoder.calls.length < count) await sleep(1);
}

/** A connection that speaks for itself. */
async function connected(context: TestContext, { url }: StartedService): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  context.after(() => socket.destroy());
  socket.on('error', () => {}); // the service may cut it
  await once(socket, 'connect');
  return socket;
}

async function allOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

const HEAD = `POST ${PIXEL} HTTP/1.1\r\nhost: a\r\ncontent-type: application/octet-stream\r\n`;

test('more requests than there is room for are told to come again, and others come through', async (context) => {
  const service = await startedService(context, { maxRequests: 2, script: { pause: 200 } });
  const first = [post(service), post(service)];
  await begun(service, 2);
  assert.deepEqual(await refusal(post(service)), [503, 'busy', '1']);
  assert.equal((await fetch(`${service.url}/healthz`)).status, 200);
  assert.deepEqual(
    await Promise.all(first.map(async (answer) => (await answer).status)),
    [200, 200],
  );
  assert.equal((await post(service)).status, 200);
});

test('where too many pictures are in work, requests are told to come again', async (context) => {
  const service = await startedService(context, { maxQueue: 10, script: { admitted: 10 } });
  assert.deepEqual(await refusal(post(service)), [503, 'busy', '1']);
  service.encoder.script.admitted = 9;
  assert.equal((await post(service)).status, 200);
});

test('work that takes too long is ended, and its place is free again', async (context) => {
  const settings = { maxRequests: 1, workTimeout: 0.1, script: { pause: 60_000 } };
  const service = await startedService(context, settings);
  assert.deepEqual(await refusal(post(service)), [503, 'timeout', '1']);
  assert.ok(service.encoder.calls[0]?.signal?.aborted);
  service.encoder.script.pause = 0;
  assert.equal((await post(service)).status, 200);
});

test('the work of a client that goes away is ended, and its place is free again', async (context) => {
  const service = await startedService(context, { maxRequests: 1, script: { pause: 60_000 } });
  const client = new AbortController();
  const answer = post(service, { signal: client.signal });
  await begun(service, 1);
  client.abort();
  await assert.rejects(answer, { name: 'AbortError' });
  while (!service.encoder.calls[0]?.signal?.aborted) await sleep(1);
  service.encoder.script.pause = 0;
  while ((await post(service)).status !== 200) await sleep(1);
});

test('a request whose body does not come is answered 408', async (context) => {
  const service = await startedService(context, { bodyTimeout: 0.1 });
  const socket = await connected(context, service);
  socket.write(`${HEAD}content-length: 3\r\n\r\na`);
  const text = await allOf(socket);
  assert.match(text, /^HTTP\/1\.1 408 /);
  assert.match(text, /"code":"timeout"/);
});

test('a request whose head does not end is answered 408', async (context) => {
  const service = await startedService(context, { headTimeout: 0.1 });
  const socket = await connected(context, service);
  socket.write(HEAD);
  assert.match(await allOf(socket), /^HTTP\/1\.1 408 .*"code":"timeout"/s);
});

for (const [what, text, status] of [
  ['what is no HTTP', 'hello, how are you?\r\n\r\n', 400],
  ['a head that is too long', `${HEAD}x: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  ['a length that is none', `${HEAD}content-length: -1\r\n\r\n`, 400],
] as const) {
  test(`${what} is answered ${status} and a reason`, async (context) => {
    const socket = await connected(context, await startedService(context));
    socket.write(text);
    assert.match(await allOf(socket), new RegExp(`^HTTP/1\\.1 ${status} .*"error":\\{`, 's'));
  });
}

test('when it is closed, a service finishes what it has begun and takes nothing new', async (context) => {
  const service = await startedService(context, { script: { pause: 300 } });
  const socket = await connected(context, service); // one that is open already
  const begunBefore = post(service);
  await begun(service, 1);
  const closed = service.close();
  socket.write(`${HEAD}content-length: 3\r\n\r\nabc`);
  const text = await allOf(socket);
  assert.match(text, /^HTTP\/1\.1 503 .*retry-after: 1.*"code":"draining"/s);
  assert.match(text, /connection: close/);
  assert.equal((await begunBefore).status, 200);
  await closed;
  await assert.rejects(post(service), { name: 'TypeError' });
});

test('a service that is closed does not wait without end', async (context) => {
  const settings = { drainTimeout: 0.1, script: { pause: 60_000 } };
  const service = await startedService(context, settings);
  const half = await connected(context, service);
  half.write('POST /embed HTTP/1.1\r\nhost:');
  const answer = post(service);
  await begun(service, 1);
  const closed = service.close();
  assert.deepEqual(await refusal(answer), [503, 'draining', '1']);
  await closed;
});

test('requests that wait behind another on its connection are given up with it', async (context) => {
  const service = await startedService(context, { maxRequests: 20, script: { pause: 60_000 } });
  const socket = await connected(context, service);
  const request = `${HEAD}content-length: 3\r\n\r\nabc`;
  socket.write(request.repeat(20));
  await begun(service, 20);
  socket.destroy();
  service.encoder.script.pause = 0;
  const all = Array.from({ length: 20 }, async () => {
    while ((await post(service)).status !== 200) await sleep(1);
  });
  await Promise.all(all);
  assert.ok(service.encoder.calls.slice(0, 20).every(({ signal }) => signal?.aborted));
});
