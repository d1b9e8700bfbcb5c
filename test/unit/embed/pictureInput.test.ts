import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { PictureInput, RawPicture } from '#moco/embed/encoder.js';
import { capture, isPictureInput, readPicture } from '#moco/embed/pictureInput.js';
import { Places } from '#moco/embed/places.js';
import { decodePicture } from '#moco/pictures/decode.js';
import { gradient, pngOf } from '../../support/pictureFolder.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const SIDE = 16;
const NEVER = new AbortController().signal;

const folder = temporaryFolder();
const path = join(folder, 'a picture.png');
const png = await pngOf(30, 20, 1);
await writeFile(path, png);
const decoded = await decodePicture(png, SIDE);
assert.ok(!('reason' in decoded));
const expected = decoded.pixels;

function read(picture: PictureInput, signal = NEVER, decoders = new Places(2)) {
  return readPicture(capture(picture), SIDE, decoders, signal);
}

async function reasonOf(picture: PictureInput): Promise<string> {
  const result = await read(picture);
  assert.ok('reason' in result, 'it was read');
  return result.reason;
}

function raw(width: number, height: number, channels: RawPicture['channels'] = 3): RawPicture {
  const data = new Uint8Array(width * height * channels).map((_, at) => (at * 7) % 256);
  return { data, width, height, channels };
}

/** TypeScript's library for Node 20 does not know these. */
function resizableBuffer(length: number): ArrayBuffer & { resize(length: number): void } {
  return Reflect.construct(ArrayBuffer, [length, { maxByteLength: 2 * length }]);
}

async function* chunks(...parts: readonly unknown[]) {
  for (const part of parts) {
    await nextTurn();
    yield part as Uint8Array;
  }
}

test('a picture is the same from a path, a URL, bytes and every kind of stream', async () => {
  const [start, end] = [png.subarray(0, 100), png.subarray(100)];
  const shared = new Uint8Array(new SharedArrayBuffer(png.length));
  shared.set(png);
  const inputs: readonly PictureInput[] = [
    path,
    pathToFileURL(path),
    png,
    new Uint8Array(png),
    shared,
    createReadStream(path, { highWaterMark: 64 }),
    Readable.from([start, end]),
    new Response(png).body as ReadableStream<Uint8Array>,
    chunks(start, end),
  ];
  for (const input of inputs) {
    assert.ok(isPictureInput(input));
    assert.deepEqual(await read(input), expected);
  }
});

test('pixels are resized as those of a file are; of the right size, they stay as they are', async () => {
  const data = gradient(30, 20, 1);
  assert.deepEqual(await read({ data, width: 30, height: 20, channels: 3 }), expected);
  const clamped = new Uint8ClampedArray(data);
  assert.deepEqual(await read({ data: clamped, width: 30, height: 20, channels: 3 }), expected);
  assert.deepEqual(await read(raw(SIDE, SIDE)), raw(SIDE, SIDE).data);
});

test('grey becomes three equal channels, and what is transparent becomes white', async () => {
  const grey = new Uint8Array(100).fill(77);
  const greyPixels = await read({ data: grey, width: 10, height: 10, channels: 1 });
  assert.deepEqual(greyPixels, Buffer.alloc(SIDE * SIDE * 3, 77));
  const clear = { data: new Uint8Array(400), width: 10, height: 10, channels: 4 } as const;
  assert.deepEqual(await read(clear), Buffer.alloc(SIDE * SIDE * 3, 255));
});

test('what is given may change, be detached or shrink right after the call', async () => {
  const bytes = new Uint8Array(png);
  const changed = read(bytes);
  bytes.fill(0);
  assert.deepEqual(await changed, expected);

  const moved = new Uint8Array(png);
  const detached = read(moved);
  structuredClone(moved.buffer, { transfer: [moved.buffer] });
  assert.deepEqual(await detached, expected);
  assert.equal(await reasonOf(moved), 'the file is empty');

  const resizable = resizableBuffer(png.length);
  const view = new Uint8Array(resizable);
  view.set(png);
  const shrunk = read(view);
  resizable.resize(10);
  assert.deepEqual(await shrunk, expected);
  assert.match(await reasonOf(view), /png/);

  const pixels = raw(SIDE, SIDE);
  const reading = read(pixels);
  pixels.data.fill(0);
  assert.deepEqual(await reading, raw(SIDE, SIDE).data);
});

test('what is no picture has a reason', async () => {
  assert.match(await reasonOf(join(folder, 'nowhere.png')), /not there/);
  assert.match(await reasonOf(folder), /no file/);
  assert.match(await reasonOf(new URL('file://elsewhere/a.png')), /host/);
  assert.equal(await reasonOf(new Uint8Array()), 'the file is empty');
  assert.match(await reasonOf(Buffer.from('<svg/>')), /no JPEG/);
  assert.match(await reasonOf(png.subarray(0, 200)), /damaged/);
  assert.equal(await reasonOf(Readable.from([])), 'the file is empty');
  assert.match(await reasonOf(chunks('text')), /gives no bytes/);
  assert.match(await reasonOf(createReadStream(join(folder, 'nowhere.png'))), /ENOENT/);
  const failing = new Readable({ read: () => failing.destroy(new Error('the line was cut')) });
  assert.match(await reasonOf(failing), /its stream failed: the line was cut/);
  const locked = new Response(png).body as ReadableStream<Uint8Array>;
  locked.getReader();
  assert.match(await reasonOf(locked), /its stream failed/);
});

test('pixels that cannot be have a reason', async () => {
  const wrong: readonly [RawPicture, RegExp][] = [
    [{ ...raw(4, 4), width: 5 }, /48 bytes: 5 × 4 × 3 are 60/],
    [{ ...raw(4, 4), width: Number.NaN }, /no NaN × 4/],
    [{ ...raw(4, 4), height: -4 }, /no 4 × -4/],
    [{ ...raw(4, 4), height: 4.5 }, /no 4 × 4.5/],
    [{ ...raw(4, 4), width: 2 ** 60, height: 2 ** 60 }, /no 1152921504606847000/],
    [{ ...raw(4, 4), channels: 2 as 3 }, /2 channels/],
    [{ ...raw(4, 4), data: new Float32Array(48) as unknown as Uint8Array }, /no Uint8Array/],
    [{ ...raw(4, 4), data: [1, 2] as unknown as Uint8Array }, /no Uint8Array/],
    [
      { data: new Uint8Array(2 ** 27 + 1), width: 2 ** 27 + 1, height: 1, channels: 1 },
      /more than/,
    ],
  ];
  for (const [picture, reason] of wrong) assert.match(await reasonOf(picture), reason);
});

test('a stream that never ends is read no further than its limit, and is closed', async () => {
  let [given, isClosed] = [0, false];
  async function* endless() {
    try {
      for (;;) {
        yield Buffer.alloc(2 ** 24);
        given++;
      }
    } finally {
      isClosed = true;
    }
  }
  assert.match(await reasonOf(endless()), /more than/);
  assert.equal(given, 16);
  assert.ok(isClosed);
});

test('the signal ends reading at once, whatever a stream does, and closes it', async () => {
  const silent = new Readable({ read() {} });
  const controller = new AbortController();
  const reading = read(silent, controller.signal);
  await nextTurn();
  controller.abort(new Error('enough'));
  await assert.rejects(reading, { message: 'enough' });
  assert.ok(silent.destroyed);
});

test('a slow stream does not keep others from being decoded', async () => {
  const decoders = new Places(1);
  const silent = new Readable({ read() {} });
  const controller = new AbortController();
  const waiting = read(silent, controller.signal, decoders);
  assert.deepEqual(await read(path, NEVER, decoders), expected);
  controller.abort();
  await assert.rejects(waiting);
});

test('a decoder is busy until it is through, also where the call has ended', async () => {
  const decoders = new Places(1);
  const controller = new AbortController();
  const reading = read(path, controller.signal, decoders);
  await nextTurn();
  controller.abort();
  await assert.rejects(reading);
  assert.equal(decoders.taken, 1);
  assert.deepEqual(await read(path, NEVER, decoders), expected);
  assert.equal(decoders.taken, 0);
});

test('values of other types are no pictures', () => {
  for (const value of [
    ...[undefined, null, 7, '', 'a\0b', true, {}, [], new Date(), () => {}],
    ...[new URL('https://example.org/a.png'), new Float32Array(4), new ArrayBuffer(8)],
    ...[Promise.resolve(path), { data: png, width: 4 }],
  ]) {
    assert.ok(!isPictureInput(value), String(value));
  }
});
