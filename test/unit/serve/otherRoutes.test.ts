import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MocoError } from '#moco/error.js';
import { version } from '#moco/version.js';
import { type StartedService, startedService } from '../../support/startedService.js';

const TOKEN = 'a-token-that-is-long-enough';

const embed = ({ url }: StartedService, headers: Record<string, string> = {}) =>
  fetch(`${url}/embed?width=1&height=1`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', ...headers },
    body: Buffer.from([255, 0, 0]),
  });

const errorOf = async (response: Response) =>
  ((await response.json()) as { error: Record<string, string> }).error;

test('/healthz says that the service is ready, and with what it computes', async (context) => {
  const { url } = await startedService(context);
  assert.deepEqual(await (await fetch(`${url}/healthz`)).json(), {
    ...{ status: 'ready', version },
    model: { file: 'small_model.pth', arch: 'resnet18', imageSize: 8, dims: 3 },
    ...{ device: 'cpu', precision: 'fp32', index: null },
  });
});

test('/metrics counts requests, batches and what is in work', async (context) => {
  const service = await startedService(context, { script: { admitted: 7 } });
  await embed(service);
  await embed(service);
  await fetch(`${service.url}/search`, { method: 'POST' });
  const read = async () => (await fetch(`${service.url}/metrics`)).text();
  await read(); // so that this route is counted, too
  const text = await read();
  for (const line of [
    'moco_requests_total{method="POST",route="/embed",status="200"} 2',
    'moco_requests_total{method="POST",route="/search",status="404"} 1',
    'moco_requests_total{method="GET",route="/metrics",status="200"} 1',
    'moco_request_duration_seconds_count{route="/embed"} 2',
    'moco_batch_pictures_bucket{le="1"} 2',
    'moco_batch_pictures_count 2',
    'moco_pictures_in_work 7',
    'moco_requests_in_work 0',
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line} is missing in\n${text}`);
  }
  assert.match(text, /^process_resident_memory_bytes \d+$/m);
  assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m);
});

test('/openapi.json describes every route, and /docs is a page about it that loads nothing', async (context) => {
  const { url } = await startedService(context);
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
    openapi: string;
    paths: Record<
      string,
      { post: { parameters: { name: string }[]; requestBody: { content: object } } }
    >;
  };
  assert.equal(document.openapi, '3.1.0');
  assert.deepEqual(Object.keys(document.paths), ['/metrics', '/embed', '/search', '/healthz']);
  const { parameters, requestBody } = document.paths['/embed']?.post ?? { parameters: [] };
  const names = ['normalize', 'output', 'dtype', 'width', 'height', 'channels'];
  assert.deepEqual(
    parameters.map(({ name }) => name),
    names,
  );
  const types = ['multipart/form-data', 'image/*', 'application/octet-stream', 'application/json'];
  assert.deepEqual(Object.keys(requestBody?.content ?? {}), types);
  const page = await fetch(`${url}/docs`);
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  const html = await page.text();
  for (const path of Object.keys(document.paths))
    assert.ok(html.includes(`${path}</code></h2>`), path);
  assert.doesNotMatch(html, /<script|src=|https?:/);
});

for (const [method, path, status, code, allow] of [
  ['GET', '/embed', 405, 'method_not_allowed', 'POST'],
  ['PUT', '/search', 405, 'method_not_allowed', 'POST'],
  ['DELETE', '/metrics', 405, 'method_not_allowed', 'GET'],
  ['POST', '/healthz', 405, 'method_not_allowed', 'GET'],
  ['GET', '/', 404, 'not_found', null],
  ['GET', '/embed/../../etc/passwd', 404, 'not_found', null],
  ['POST', '/%', 400, 'invalid_request', null],
] as const) {
  test(`${method} ${path} is answered ${status} and a reason`, async (context) => {
    const { url } = await startedService(context);
    const response = await fetch(url + path, { method });
    assert.equal(response.status, status);
    assert.equal(response.headers.get('allow'), allow);
    assert.equal((await errorOf(response)).code, code);
  });
}

test('without an index, /search says how to get one', async (context) => {
  const { url } = await startedService(context);
  const response = await fetch(`${url}/search`, { method: 'POST' });
  assert.equal(response.status, 404);
  const { code, hint } = await errorOf(response);
  assert.equal(code, 'no_index');
  assert.match(hint as string, /--index/);
});

test('with a token, who does not bear it gets nothing but health and documentation', async (context) => {
  const service = await startedService(context, { token: TOKEN });
  for (const authorization of ['', TOKEN, 'Bearer', `Bearer ${TOKEN}x`, `Basic ${TOKEN}`]) {
    const response = await embed(service, { authorization });
    assert.equal(response.status, 401, authorization);
    assert.equal(response.headers.get('www-authenticate'), 'Bearer');
    assert.equal((await errorOf(response)).code, 'unauthorized');
  }
  for (const scheme of ['Bearer', 'bearer']) {
    assert.equal((await embed(service, { authorization: `${scheme} ${TOKEN}` })).status, 200);
  }
  const status = async (path: string, init = {}) => (await fetch(service.url + path, init)).status;
  assert.equal(await status('/metrics'), 401);
  assert.equal(await status('/search', { method: 'POST' }), 401);
  for (const path of ['/healthz', '/docs', '/openapi.json']) assert.equal(await status(path), 200);
});

test('a service that others reach without a token warns of it', async (context) => {
  assert.deepEqual((await startedService(context)).notices, []);
  assert.deepEqual((await startedService(context, { host: '0.0.0.0', token: TOKEN })).notices, []);
  const [warning] = (await startedService(context, { host: '0.0.0.0' })).notices;
  assert.match(warning as string, /no token is asked of them: set MOCO_TOKEN or --token-file/);
});

test('a client is told nothing of a failure of the service, and whoever runs it everything', async (context) => {
  const failure = new Error('/home/somebody/secret is broken');
  const service = await startedService(context, { script: { failure } });
  const response = await embed(service);
  assert.equal(response.status, 500);
  const error = await errorOf(response);
  assert.equal(error.code, 'internal');
  assert.doesNotMatch(JSON.stringify(error), /secret/);
  assert.deepEqual(service.failures, [failure]);
});

for (const [code, status, shown] of [
  ['ERR_MOCO_CONFIG', 400, 'invalid_request'],
  ['ERR_MOCO_OUT_OF_MEMORY', 503, 'busy'],
  ['ERR_MOCO_NATIVE', 500, 'internal'],
] as const) {
  test(`${code} of the encoder is answered ${status}`, async (context) => {
    const failure = new MocoError(code, 'what went wrong', { hint: 'what to do' });
    const response = await embed(await startedService(context, { script: { failure } }));
    assert.equal(response.status, status);
    assert.equal((await errorOf(response)).code, shown);
  });
}

test('a port that is taken is told with what to do', async (context) => {
  const { url } = await startedService(context);
  const port = Number(new URL(url).port);
  await assert.rejects(startedService(context, { port }), {
    ...{ name: 'MocoError', code: 'ERR_MOCO_CONFIG' },
    message: /^cannot listen on 127\.0\.0\.1, port \d+: .*EADDRINUSE/,
    hint: /--port 0/,
  });
});
