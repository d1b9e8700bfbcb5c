import assert from 'node:assert/strict';
import { before, type TestContext, test } from 'node:test';
import sharp from 'sharp';
import { type StartedService, startedService } from '../../support/startedService.js';

/** A picture of one colour, as a PNG. */
const pngOf = (r: number, g: number, b: number, width = 8, height = 8) =>
  sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
    .png()
    .toBuffer();

let red: Buffer;
let green: Buffer;
let wide: Buffer;

before(async () => {
  red = await pngOf(255, 0, 0);
  green = await pngOf(0, 255, 0);
  wide = await pngOf(0, 0, 0, 40, 30);
});

interface Sent {
  readonly body?: RequestInit['body'];
  readonly query?: string;
  readonly headers?: Record<string, string>;
}

const send = (service: StartedService, { body = null, query = '', headers = {} }: Sent) =>
  fetch(`${service.url}/embed${query}`, { method: 'POST', body, headers });

const json = (body: unknown): Sent => ({
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
});

function form(files: Record<string, Buffer>): Sent {
  const body = new FormData();
  for (const [name, bytes] of Object.entries(files)) body.append('file', new Blob([bytes]), name);
  return { body };
}

const binary = { 'content-type': 'application/octet-stream' };

async function answer(context: TestContext, sent: Sent, settings = {}) {
  const response = await send(await startedService(context, settings), sent);
  return [response.status, await response.json()] as [number, { error: { message: string } }];
}

/** All forms in which a red and a green picture can come. */
const FORMS: Record<string, () => Sent> = {
  'a form with files': () => form({ 'red.png': red, 'green.png': green }),
  'JSON with files': () => json({ pictures: [red.toString('base64'), green.toString('base64')] }),
  'JSON with pixels': () => {
    const pixels = (bytes: number[]) => ({
      ...{ data: Buffer.from(bytes).toString('base64'), width: 2, height: 1, channels: 3 },
    });
    return json({ pictures: [pixels([255, 0, 0, 255, 0, 0]), pixels([0, 255, 0, 0, 255, 0])] });
  },
  'raw pixels': () => ({
    body: Buffer.from([255, 0, 0, 255, 0, 0, 0, 255, 0, 0, 255, 0]),
    query: '?width=1&height=2',
    headers: binary,
  }),
};

for (const [name, sent] of Object.entries(FORMS)) {
  test(`features of pictures from ${name} are in their order`, async (context) => {
    assert.deepEqual(await answer(context, sent()), [
      200,
      { dims: [2, 3], data: [1, 0, 0, 0, 1, 0] },
    ]);
  });
}

for (const type of ['image/png', 'image/x-anything', 'application/octet-stream']) {
  test(`a body of ${type} is one picture`, async (context) => {
    const sent = { body: green, headers: { 'content-type': type } };
    assert.deepEqual(await answer(context, sent), [200, { dims: [1, 3], data: [0, 1, 0] }]);
  });
}

test('the numbers alone are answered to who accepts them, in fp32 and fp16', async (context) => {
  const service = await startedService(context);
  for (const [dtype, numbers] of [
    ['fp32', new Float32Array([1, 0, 0, 0, 1, 0])],
    ['fp16', new Uint16Array([1, 0, 0, 0, 1, 0])],
  ] as const) {
    const sent = form({ a: red, b: green });
    const headers = { accept: 'application/octet-stream' };
    const response = await send(service, { ...sent, query: `?dtype=${dtype}`, headers });
    assert.equal(response.headers.get('x-moco-dims'), '2,3');
    assert.equal(response.headers.get('x-moco-dtype'), dtype);
    assert.equal(response.headers.get('content-type'), 'application/octet-stream');
    const bytes = Buffer.from(await response.arrayBuffer());
    assert.deepEqual(bytes, Buffer.from(numbers.buffer));
  }
});

test('the query is the options of each picture', async (context) => {
  const service = await startedService(context);
  await send(service, { ...form({ red, green }), query: '?normalize=true&output=projection' });
  for (const { normalize, output, dtype } of service.encoder.calls) {
    assert.deepEqual(
      { normalize, output, dtype },
      { normalize: true, output: 'projection', dtype: 'fp32' },
    );
  }
  assert.equal(service.encoder.calls.length, 1);
});

test('of several pictures, all that are broken are named', async (context) => {
  const broken = red.subarray(0, 60);
  const [status, body] = await answer(
    context,
    form({ red, 'cut.png': broken, 'no.txt': Buffer.from('no') }),
  );
  assert.equal(status, 422);
  const [cut, none, ...others] = body.error.message.split('\n');
  assert.match(cut as string, /^pictures\[1\] \("cut\.png"\): damaged or unsupported png/);
  assert.match(none as string, /^pictures\[2\] \("no\.txt"\): its content is no JPEG/);
  assert.deepEqual(others, []);
});

/** What is refused: why, what is sent, the status, the code, and what the message says. */
const REFUSED: [string, () => Sent, number, string, RegExp, object?][] = [
  ['no body', () => ({}), 400, 'invalid_request', /has no pictures/],
  [
    'an empty picture',
    () => ({ body: Buffer.alloc(0), headers: binary }),
    400,
    'invalid_request',
    /no pictures/,
  ],
  ['an empty form', () => form({}), 400, 'invalid_request', /no pictures/],
  [
    'a form with a field',
    () => {
      const body = new FormData();
      body.append('normalize', 'true');
      return { body };
    },
    400,
    'invalid_request',
    /the field "normalize" of the form is no file/,
  ],
  [
    'a form that is cut',
    () => ({
      body: '--x\r\ncontent-disposition: form-data; name=a; filename=a\r\n\r\nabc',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    }),
    400,
    'invalid_request',
    /the form cannot be read: ./,
  ],
  [
    'a form without a boundary',
    () => ({
      body: 'abc',
      headers: { 'content-type': 'multipart/form-data' },
    }),
    400,
    'invalid_request',
    /the form cannot be read: ./,
  ],
  ['text', () => ({ body: 'a cat' }), 415, 'unsupported_media_type', /./],
  [
    'a compressed body',
    () => ({ body: red, headers: { ...binary, 'content-encoding': 'gzip' } }),
    415,
    'unsupported_media_type',
    /gzip/,
  ],
  [
    'JSON that is cut',
    () => ({ ...json(0), body: '{"pictures":' }),
    400,
    'invalid_request',
    /JSON/,
  ],
  ['JSON of another form', () => json({ images: [] }), 400, 'invalid_request', /body\.pictures/],
  ['JSON without pictures', () => json({ pictures: [] }), 400, 'invalid_request', /body\.pictures/],
  ['JSON null', () => json(null), 400, 'invalid_request', /no pictures/],
  [
    'what is no base64',
    () => json({ pictures: ['a cat!'] }),
    400,
    'invalid_request',
    /body\.pictures\.0: expected base64/,
  ],
  [
    'a path',
    () => json({ pictures: ['/etc/passwd'] }),
    422,
    'unreadable_picture',
    /pictures\[0\]: its content is no JPEG/,
  ],
  [
    'too few pixels',
    () => json({ pictures: [{ data: 'AAAA', width: 2, height: 2, channels: 3 }] }),
    400,
    'invalid_request',
    /body\.pictures\.0\.data: expected 12 bytes, given 3/,
  ],
  [
    'a part of a pixel',
    () => ({ body: Buffer.alloc(13), query: '?width=2&height=2', headers: binary }),
    400,
    'invalid_request',
    /expected a multiple of 12 bytes \(2 × 2 × 3\), given 13/,
  ],
  [
    'a width alone',
    () => ({ body: red, query: '?width=2', headers: binary }),
    400,
    'invalid_request',
    /width and height/,
  ],
  [
    'a query that is not known',
    () => ({ ...form({ red }), query: '?normalise=true' }),
    400,
    'invalid_request',
    /normalise/,
  ],
  [
    'a wrong value',
    () => ({ ...form({ red }), query: '?output=logits' }),
    400,
    'invalid_request',
    /query\.output: .*given "logits"/,
  ],
  [
    'fp16 in JSON',
    () => ({ ...form({ red }), query: '?dtype=fp16' }),
    400,
    'invalid_request',
    /fp16 is not written in JSON/,
  ],
  [
    'an answer of another type',
    () => ({ ...form({ red }), headers: { accept: 'text/html' } }),
    406,
    'not_acceptable',
    /./,
  ],
  [
    'a large body',
    () => ({ body: Buffer.alloc(1001), headers: binary }),
    413,
    'too_large',
    /./,
    { maxBody: 0.001 },
  ],
  [
    'a large form',
    () => form({ a: Buffer.alloc(600), b: Buffer.alloc(600) }),
    413,
    'too_large',
    /at most 1000 bytes/,
    { maxBody: 0.001 },
  ],
  [
    'many files',
    () => form({ red, green, more: red }),
    413,
    'too_large',
    /at most 2 pictures/,
    { maxPictures: 2 },
  ],
  [
    'many pictures in JSON',
    () => json({ pictures: ['', '', ''] }),
    413,
    'too_large',
    /at most 2 pictures/,
    { maxPictures: 2 },
  ],
  [
    'many raw pictures',
    () => ({ body: Buffer.alloc(9), query: '?width=1&height=1', headers: binary }),
    413,
    'too_large',
    /at most 2 pictures/,
    { maxPictures: 2 },
  ],
  [
    'a picture of many pixels',
    () => ({ body: wide, headers: binary }),
    422,
    'unreadable_picture',
    /pictures\[0\]: 40 × 30 pixels, and at most 0\.001 million/,
    { maxPixels: 0.001 },
  ],
  [
    'raw pixels that are many',
    () => ({ body: Buffer.alloc(3600), query: '?width=40&height=30', headers: binary }),
    422,
    'unreadable_picture',
    /40 × 30 pixels/,
    { maxPixels: 0.001 },
  ],
];

for (const [what, sent, status, code, message, settings] of REFUSED) {
  test(`${what} is refused with ${status} and a reason`, async (context) => {
    const [given, body] = await answer(context, sent(), settings);
    assert.deepEqual(
      [given, (body.error as unknown as { code: string }).code],
      [status, code],
      body.error.message,
    );
    assert.match(body.error.message, message);
  });
}
