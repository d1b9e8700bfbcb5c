import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import swagger from '@fastify/swagger';
import { type FastifyInstance, fastify } from 'fastify';
import { mocoService } from '#moco/serve/mocoService.js';
import { type EncoderScript, ServiceEncoderDouble } from '../../support/serviceDouble.js';

interface Mounted {
  readonly url: string;
  readonly app: FastifyInstance;
  readonly encoder: ServiceEncoderDouble;
}

/** Somebody's own Fastify with the service in it. */
async function mounted(
  context: TestContext,
  options: object = {},
  script: EncoderScript = {},
  app = fastify(),
): Promise<Mounted> {
  const encoder = new ServiceEncoderDouble(script);
  app.register(mocoService, { encoder, ...options });
  app.get('/', async () => 'hello');
  context.after(() => app.close());
  return { url: await app.listen({ port: 0 }), app, encoder };
}

const embed = (url: string, init: RequestInit = {}) =>
  fetch(`${url}/embed?width=1&height=1`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.from([255, 0, 0]),
    ...init,
  });

test('the service stands beside the routes of the program around it, under a prefix', async (context) => {
  const { url } = await mounted(context, { prefix: '/moco' });
  assert.equal(await (await fetch(url)).text(), 'hello');
  assert.deepEqual(await (await embed(`${url}/moco`)).json(), { dims: [1, 3], data: [1, 0, 0] });
  assert.equal((await embed(url)).status, 404);
  const document = (await (await fetch(`${url}/moco/openapi.json`)).json()) as { paths: object };
  const paths = ['/moco/metrics', '/moco/embed', '/moco/search', '/moco/healthz'];
  assert.deepEqual(Object.keys(document.paths), paths);
});

test('it changes nothing about the other routes: neither errors nor checks nor bodies', async (context) => {
  const app = fastify();
  const schema = { querystring: { type: 'object', required: ['a'] } };
  app.get('/checked', { schema }, async () => 'checked');
  app.post('/text', async ({ body }) => body);
  const { url } = await mounted(context, {}, {}, app);
  const { message } = (await (await fetch(`${url}/checked`)).json()) as { message: string };
  assert.match(message, /querystring must have required property 'a'/);
  const body = 'a text';
  assert.equal(await (await fetch(`${url}/text`, { method: 'POST', body })).text(), body);
});

test('where there is @fastify/swagger already, it has the routes of the service', async (context) => {
  const app = fastify();
  await app.register(swagger, { openapi: {} });
  const { url } = await mounted(context, {}, {}, app);
  assert.ok(Object.keys(app.swagger().paths ?? {}).includes('/embed'));
  assert.equal((await fetch(`${url}/openapi.json`)).status, 404);
});

test('when the program around it is closed, requests that were begun are finished', async (context) => {
  const { url, app, encoder } = await mounted(context, {}, { pause: 200 });
  const answer = embed(url);
  while (encoder.calls.length === 0) await sleep(1);
  const closed = app.close();
  assert.equal((await answer).status, 200);
  await closed;
});

test('a client that does not read its answer loses it, and its place is free again', async (context) => {
  const limits = { maxRequests: 1, workTimeout: 0.5 };
  // More than the system takes for somebody who does not read.
  const { url, encoder } = await mounted(context, { limits }, { length: 16_000_000 });
  const socket = connect(Number(new URL(url).port)).pause();
  socket.on('error', () => {});
  context.after(() => socket.destroy());
  await once(socket, 'connect');
  const head = ['POST /embed?width=1&height=1 HTTP/1.1', 'host: a', 'content-length: 3'];
  const type = ['content-type: application/octet-stream', 'accept: application/octet-stream'];
  socket.write(`${[...head, ...type].join('\r\n')}\r\n\r\nabc`);
  while (encoder.calls.length === 0) await sleep(1);
  encoder.script.length = 3;
  while ((await embed(url)).status === 503) await sleep(10);
});

test('wrong options are refused when the plugin is registered', async () => {
  const encoder = new ServiceEncoderDouble();
  for (const [wrong, message] of [
    [{ encoder: {} }, /options\.encoder: expected an object with embedStream, statistics/],
    [{ encoder, index: 7 }, /options\.index: expected an object with search/],
    [{ encoder, token: 'short' }, /token: expected a token of at least 16 characters/],
    [{ encoder, token: 'a token with spaces' }, /token of visible ASCII characters/],
    [{ encoder, limits: { maxBody: -1 } }, /options\.limits\.maxBody/],
    [{ encoder, limits: { maxBodies: 1 } }, /maxBodies/],
  ] as const) {
    const app = fastify();
    app.register(mocoService, wrong as { encoder: ServiceEncoderDouble });
    await assert.rejects(async () => await app.ready(), { code: 'ERR_MOCO_CONFIG', message });
  }
});
