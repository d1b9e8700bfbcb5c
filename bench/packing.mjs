#!/usr/bin/env node
// How long it takes until a folder of pictures is one packed file: listing, reading, decoding,
// resizing and writing.
//
//   node bench/packing.mjs [FOLDER] [--count 60000] [--side 32] [--stored-size 32] [--rounds 1]
//
// Without a folder, JPEGs of random blots are made, which are about as large as photographs.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { packPictures } from '../dist/index.js';
import { median, positiveInteger, runBench } from './harness.mjs';

/** Pictures in one folder. */
const PER_FOLDER = 1000;

/** A picture is made of so many random colours in each direction, and enlarged. */
const BLOTS = 12;

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      count: { type: 'string', default: '60000' },
      side: { type: 'string', default: '32' },
      'stored-size': { type: 'string', default: '32' },
      rounds: { type: 'string', default: '1' },
    },
  });
  const number = (name) => positiveInteger(name, values[name]);
  return {
    folder: positionals[0],
    ...{ count: number('count'), side: number('side'), rounds: number('rounds') },
    storedSize: number('stored-size'),
  };
}

async function makePictures(folder, count, side) {
  const raw = { width: BLOTS, height: BLOTS, channels: 3 };
  for (let number = 0; number < count; number++) {
    const blots = Buffer.from({ length: 3 * BLOTS * BLOTS }, () => 0).map(
      () => 256 * Math.random(),
    );
    const path = join(folder, `${Math.floor(number / PER_FOLDER)}`, `${number}.jpg`);
    if (number % PER_FOLDER === 0) await mkdir(join(path, '..'));
    const jpeg = sharp(blots, { raw }).resize(side, side).jpeg({ quality: 75 });
    await writeFile(path, await jpeg.toBuffer());
  }
}

/** Packs once: seconds of the clock, and of all cores. */
async function measure(folder, out, storedSize) {
  await rm(out, { force: true });
  const [begin, before] = [performance.now(), process.cpuUsage()];
  const { count, broken } = await packPictures([folder], out, { storedSize });
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - begin) / 1000;
  return { count, broken: broken.length, seconds, cores: (user + system) / 1e6 };
}

await runBench(async () => {
  const { folder, count, side, rounds, storedSize } = readOptions();
  const own = await mkdtemp(join(tmpdir(), 'moco-packing-'));
  try {
    const pictures = folder ?? join(own, 'pictures');
    if (folder === undefined) {
      await mkdir(pictures);
      await makePictures(pictures, count, side);
    }
    const results = [];
    for (let round = 0; round < rounds; round++) {
      results.push(await measure(pictures, join(own, 'pictures.moco'), storedSize));
    }
    const of = (key) => median(results.map((result) => result[key]));
    const where = `${cpus()[0]?.model}, ${availableParallelism()} cores, Node ${process.version}`;
    console.log(`${where}, sharp ${sharp.versions.sharp}`);
    console.log(`${of('count')} pictures stored at ${storedSize}, ${of('broken')} broken`);
    console.log(
      `${of('seconds').toFixed(1)} s, ${(of('count') / of('seconds')).toFixed(0)} pictures/s`,
    );
    console.log(`${of('cores').toFixed(1)} s of all cores together`);
  } finally {
    await rm(own, { recursive: true });
  }
});
