#!/usr/bin/env node
// Makes a packed file of any number of generated pictures, to try what is larger than the memory.
//
//   node bench/generated-pack.mjs OUT.moco [--count 1000000] [--side 64] [--classes 10]
//
// Each picture is a gradient in colours of its own with a little noise; every tenth is for testing. It
// is written as `moco data pack` writes: it can be stopped, and goes on.

import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { packSource } from '../dist/pictures/pack.js';
import { packedOnce } from '../dist/pictures/packedFor.js';
import { BenchFailure, positiveInteger, runBench } from './harness.mjs';

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      count: { type: 'string', default: '1000000' },
      side: { type: 'string', default: '64' },
      classes: { type: 'string', default: '10' },
    },
  });
  if (positionals.length !== 1) throw new BenchFailure('name the file to make, ending in .moco');
  const number = (name) => positiveInteger(name, values[name]);
  return {
    out: resolve(positionals[0]),
    ...{ count: number('count'), side: number('side'), classes: number('classes') },
  };
}

/** Pixels that follow from the number of the picture alone. */
function pixelsOf(number, side) {
  const pixels = new Uint8Array(3 * side * side);
  let noise = (number + 1) * 2654435761;
  for (let at = 0; at < pixels.length; at++) {
    noise = (noise * 1664525 + 1013904223) | 0;
    const [x, y] = [Math.floor(at / 3) % side, Math.floor(at / 3 / side)];
    const slope = (number % 7) + (at % 3);
    pixels[at] = (17 * number + slope * x + (number % 5) * y + (noise >>> 28)) & 255;
  }
  return pixels;
}

function generated({ count, side, classes }) {
  const hashOf = (number) => createHash('sha256').update(`${number}`).digest().subarray(0, 16);
  return {
    places: ['generated'],
    fingerprint: `generated ${count} ${side} ${classes}`,
    ...{ count, side, imageSize: side, broken: [], notices: [] },
    classes: Array.from({ length: classes }, (_, label) => `class ${label}`),
    rules: { labels: 'generated', split: 'generated' },
    name: (number) => `${number}`,
    weight: () => 3 * side * side,
    read: async (number) => ({
      ...{ pixels: pixelsOf(number, side), hash: hashOf(number) },
      ...{ format: 'generated', width: side, height: side },
    }),
    label: (number) => number % classes,
    split: (number) => (number % 10 === 9 ? 2 : 0),
  };
}

await runBench(async () => {
  const { out, ...sizes } = readOptions();
  const source = generated(sizes);
  const onProgress = ({ done, total, secondsLeft = 0 }) => {
    process.stderr.write(`\r${done} of ${total}, ${secondsLeft.toFixed(0)} s left   `);
  };
  await packedOnce(source, out, { onProgress }, async (packaging) => {
    await packSource(source, out, { strict: true }, packaging);
  });
  process.stderr.write('\n');
});
