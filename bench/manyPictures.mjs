// What a data set larger than memory takes: packs generated pictures, then trains on few of them and on
// all of them, and compares speed and resident memory. Both runs have the same model and steps.
//
//   node bench/manyPictures.mjs --pictures 1000000 --side 64 --steps 100 --folder /a/large/disk
//
// 1,000,000 pictures of 64 × 64 take 12.3 GB there. Linux only: memory is read from /proc.

import { spawn } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { train } from '../dist/index.js';
import { packSource } from '../dist/pictures/pack.js';
import { packedOnce } from '../dist/pictures/packedFor.js';

const { values } = parseArgs({
  options: {
    pictures: { type: 'string', default: '1000000' },
    few: { type: 'string', default: '20000' },
    side: { type: 'string', default: '64' },
    steps: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '3' },
    folder: { type: 'string', default: 'build/bench/pictures' },
    child: { type: 'string' },
  },
});
const [pictures, few, side, steps, rounds] = ['pictures', 'few', 'side', 'steps', 'rounds'].map(
  (name) => Number(values[name]),
);
const folder = resolve(values.folder);

/** What generated pictures are cut out of. */
const NOISE = randomFillSync(new Uint8Array(1 << 26));

/** Pictures of noise, a tenth of them for testing. */
const source = {
  places: ['generated'],
  fingerprint: `generated ${pictures} ${side}`,
  count: pictures,
  side,
  imageSize: side,
  classes: [],
  rules: { labels: 'none', split: 'fraction' },
  broken: [],
  notices: [],
  name: (candidate) => `${candidate}.png`,
  weight: () => 3 * side * side,
  read: async (candidate) => {
    const first = (candidate * 7919) % (NOISE.length - 3 * side * side);
    const pixels = NOISE.subarray(first, first + 3 * side * side);
    const hash = createHash('sha256').update(`${candidate}`).digest().subarray(0, 16);
    return { pixels, hash, format: 'png', width: side, height: side };
  },
  label: () => -1,
  split: (candidate) => (candidate % 10 === 9 ? 2 : 0),
};

/** One run of some steps, in this process: what it took, as one line of JSON. */
async function measure(trainLimit) {
  const controller = new AbortController();
  const seconds = [];
  const run = train(
    {
      ...{ data: [join(folder, 'pictures.moco')], out: join(folder, 'out'), trainLimit },
      ...{ arch: 'resnet18', stem: 'imagenet', batchSize: 64, epochs: 1, device: 'cpu', k: 1 },
    },
    {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type !== 'step') return;
        seconds.push(event.seconds);
        if (event.step === steps) controller.abort();
      },
    },
  );
  await run.catch((error) => {
    if (error.code !== 'ERR_MOCO_ABORTED') throw error;
  });
  const status = readFileSync('/proc/self/status', 'utf8');
  const megabytes = (key) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)[1]) / 1024;
  console.log(
    JSON.stringify({ peak: megabytes('VmHWM'), step: median(seconds.slice(5)), trainLimit }),
  );
}

async function inChild(trainLimit) {
  const words = [...process.argv.slice(2), '--child', String(trainLimit)];
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (part) => {
    text += part;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`a run ended with ${code}`);
  return JSON.parse(text.trim().split('\n').at(-1));
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

async function main() {
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'pictures.moco');
  const begin = performance.now();
  await packedOnce(source, path, {}, (packaging) =>
    packSource(source, path, { strict: true }, packaging),
  );
  const packed = (performance.now() - begin) / 1000;
  console.log(`packed ${pictures} pictures of ${side}×${side} in ${packed.toFixed(0)} s`);
  const most = Math.floor(pictures * 0.9);
  for (let round = 1; round <= rounds; round++) {
    const [some, all] = [await inChild(Math.min(few, most)), await inChild(most)];
    const more = all.peak - some.peak;
    console.log(
      `round ${round}: ${some.trainLimit} pictures: ${some.peak.toFixed(0)} MiB, step ${some.step.toFixed(3)} s; ` +
        `${all.trainLimit}: ${all.peak.toFixed(0)} MiB (+${more.toFixed(0)}), step ${all.step.toFixed(3)} s ` +
        `(${(all.step / some.step).toFixed(3)} ×)`,
    );
  }
}

await (values.child === undefined ? main() : measure(Number(values.child)));
