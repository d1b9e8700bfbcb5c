import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { packageRoot } from '#moco/packageRoot.js';
import { decodePicture } from '#moco/pictures/decode.js';
import { Dice, mutated } from '../../support/mutations.js';
import { gradient, pngOf } from '../../support/pictureFolder.js';

/** Pictures of all formats and modes; `make_pictures.py` made them with Pillow. */
const folder = join(packageRoot, 'test/pictures');

/** How long damaged files are decoded; `MOCO_FUZZ_SECONDS` in `npm run test:fuzz` says more. */
const FUZZ_SECONDS = Number(process.env.MOCO_FUZZ_SECONDS ?? 2);

interface Expected {
  readonly pixels: string;
  readonly tolerance: number;
}

const expected: Record<string, Expected> = JSON.parse(
  await readFile(join(folder, 'expected.json'), 'utf8'),
);

async function pixelsOf(bytes: Buffer, side: number): Promise<Uint8Array> {
  const decoded = await decodePicture(bytes, side);
  assert.ok(!('reason' in decoded), JSON.stringify(decoded));
  assert.equal(decoded.pixels.length, side * side * 3);
  return decoded.pixels;
}

async function reasonOf(bytes: Buffer | string): Promise<string> {
  const decoded = await decodePicture(Buffer.from(bytes), 16);
  assert.ok('reason' in decoded, 'it was decoded');
  return decoded.reason;
}

function largestDifference(one: Uint8Array, other: Uint8Array): number {
  return one.reduce((most, value, at) => Math.max(most, Math.abs(value - (other[at] ?? 0))), 0);
}

test('every file has pixels that Pillow has decoded', async () => {
  const names = await readdir(join(folder, 'files'));
  assert.deepEqual(names.sort(), Object.keys(expected).sort());
});

for (const [name, { pixels, tolerance }] of Object.entries(expected)) {
  test(`${name} has the pixels that Pillow sees, within ${tolerance}`, async () => {
    const found = await pixelsOf(await readFile(join(folder, 'files', name)), 16);
    const difference = largestDifference(found, Buffer.from(pixels, 'base64'));
    assert.ok(difference <= tolerance, `they differ by ${difference}`);
  });
}

test('a picture of the stored size stays as it is, byte for byte', async () => {
  for (const side of [1, 8, 33, 64]) {
    assert.deepEqual(await pixelsOf(await pngOf(side, side, 3), side), gradient(side, side, 3));
  }
});

/** A picture of three vertical stripes: red, green and blue, each `width` wide. */
async function stripes(width: number, height: number): Promise<Buffer> {
  const colours = ['red', 'lime', 'blue'];
  const blocks = colours.map((background, at) => ({
    input: { create: { width, height, channels: 3 as const, background } },
    ...{ left: at * width, top: 0 },
  }));
  const canvas = { width: 3 * width, height, channels: 3 as const, background: 'black' };
  return await sharp({ create: canvas }).composite(blocks).png().toBuffer();
}

test('of a wide picture the middle is taken, and of a high one, too', async () => {
  const wide = await stripes(32, 32);
  const middle = await pixelsOf(wide, 32);
  assert.ok(middle.every((value, at) => value === (at % 3 === 1 ? 255 : 0)));
  const high = await sharp(wide).rotate(90).png().toBuffer();
  assert.deepEqual(await pixelsOf(high, 32), middle);
});

test('a large picture is made smaller by its shorter side, and a small one larger', async () => {
  const grey = { create: { width: 300, height: 200, channels: 3, background: '#336699' } } as const;
  for (const bytes of [await sharp(grey).png().toBuffer(), await pngOf(1, 1, 0)]) {
    const pixels = await pixelsOf(bytes, 16);
    assert.ok(pixels.every((value, at) => value === pixels[at % 3]));
  }
});

test('a picture that is 10,000 times as long as it is high is decoded', async () => {
  const line = { width: 10_000, height: 1, channels: 3, background: '#336699' } as const;
  const pixels = await pixelsOf(await sharp({ create: line }).png().toBuffer(), 64);
  assert.deepEqual([...pixels.subarray(0, 3)], [0x33, 0x66, 0x99]);
});

test('the size in the file is told, and the format by the content', async () => {
  for (const [name, format] of [
    ['png_named.jpg', 'png'],
    ['exif6.jpg', 'jpeg'],
    ['rgb.avif', 'avif'],
    ['pages.tif', 'tiff'],
  ] as const) {
    const decoded = await decodePicture(await readFile(join(folder, 'files', name)), 8);
    assert.ok(!('reason' in decoded));
    assert.deepEqual([decoded.format, decoded.width, decoded.height], [format, 16, 16]);
  }
});

test('what is no picture is told so in one line, without a crash', async () => {
  assert.match(await reasonOf(''), /empty/);
  assert.match(await reasonOf('some text'), /no JPEG, PNG, WebP, TIFF, AVIF or GIF/);
  assert.match(await reasonOf('<svg xmlns="http://www.w3.org/2000/svg"/>'), /no JPEG/);
  assert.match(await reasonOf(Buffer.of(0xff, 0xd8, 0xff)), /damaged or unsupported/);
});

test('a file that is cut off anywhere is broken, or was whole up to there', async () => {
  for (const name of ['rgb.jpg', 'progressive.jpeg', 'rgb.png', 'lossless.webp', 'rgb.avif']) {
    const bytes = await readFile(join(folder, 'files', name));
    for (const share of [0.1, 0.3, 0.5, 0.7]) {
      const reason = await reasonOf(bytes.subarray(0, Math.floor(share * bytes.length)));
      assert.match(reason, /^damaged or unsupported|^its content|^its samples/, `${name} ${share}`);
      assert.ok(!reason.includes('\n'));
    }
  }
});

test('damaged files of every format end in a picture or a reason', async () => {
  const end = performance.now() + 1000 * FUZZ_SECONDS;
  for (let seed = 1; performance.now() < end; seed++) {
    const dice = new Dice(seed);
    const name = dice.of(Object.keys(expected));
    const bytes = mutated(await readFile(join(folder, 'files', name)), dice);
    const decoded = await decodePicture(bytes, 16);
    if ('reason' in decoded) assert.match(decoded.reason, /^[^\n]{5,200}$/);
    else assert.equal(decoded.pixels.length, 16 * 16 * 3, `${name}, seed ${seed}`);
  }
});

test('a picture that would take gigabytes is refused before it is decoded', async () => {
  const bomb = await pngOf(4, 4, 0);
  bomb.writeUInt32BE(60_000, 16);
  bomb.writeUInt32BE(60_000, 20);
  assert.match(await reasonOf(bomb), /more than 134217728 pixels|damaged/);
});

test('a TIFF of floating-point numbers is refused, as nobody knows its range', async () => {
  assert.match(await reasonOf(floatTiff()), /samples are of the type float/);
});

/** One pixel, with the tags that are needed: little-endian, a directory at byte 8, the data last. */
function floatTiff(): Buffer {
  const tags = [
    [256, 1], // width
    [257, 1], // height
    [258, 32], // bits
    [259, 1], // not compressed
    [262, 1], // black is zero
    [273, 8 + 2 + 12 * 9 + 4], // where the data is
    [277, 1], // samples
    [279, 4], // bytes
    [339, 3], // floating-point numbers
  ] as const;
  const bytes = Buffer.alloc(8 + 2 + 12 * tags.length + 4 + 4);
  bytes.write('II*\0', 'latin1');
  bytes.writeUInt32LE(8, 4);
  bytes.writeUInt16LE(tags.length, 8);
  for (const [index, [tag, value]] of tags.entries()) {
    const at = 10 + 12 * index;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(4, at + 2); // a number of four bytes
    bytes.writeUInt32LE(1, at + 4);
    bytes.writeUInt32LE(value, at + 8);
  }
  bytes.writeFloatLE(0.5, bytes.length - 4);
  return bytes;
}
