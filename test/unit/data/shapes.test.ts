import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Dataset, PicturesInMemory } from '#moco/data/dataset.js';
import { loadDataset } from '#moco/data/load.js';
import { PictureRandom } from '#moco/data/shapeRandom.js';

const PLANE = 32 * 32;
const PICTURE = 3 * PLANE;

function shapes(trainLimit: number, testLimit = 1, seed = 0): Promise<Dataset<PicturesInMemory>> {
  return loadDataset({ dataset: 'shapes', dataRoot: '/nowhere', seed, trainLimit, testLimit });
}

/** Of the pictures' planes: each picture's R, then its G, then its B. */
function sha256(pictures: PicturesInMemory): string {
  const hash = createHash('sha256');
  for (let i = 0; i < pictures.count; i++) {
    for (const channel of [0, 1, 2]) hash.update(planeOf(pictures, i, channel));
  }
  return hash.digest('hex');
}

/** One channel of one picture. */
function planeOf({ pixels }: PicturesInMemory, picture: number, channel: number): Uint8Array {
  const start = picture * PICTURE + channel;
  return Uint8Array.from({ length: PLANE }, (_, at) => pixels[start + 3 * at] as number);
}

test('the whole set has 10,000 and 2,000 pictures of 32 × 32, from no file', async () => {
  const set = await loadDataset({ dataset: 'shapes', dataRoot: '/nowhere', seed: 0 });
  assert.deepEqual([set.train.count, set.test.count], [10_000, 2_000]);
  assert.deepEqual([set.train.height, set.train.width], [32, 32]);
  assert.equal(set.train.pixels.length, 10_000 * PICTURE);
  assert.equal(set.classes.length, 10);
  assert.equal(new Set(set.classes).size, 10);
  assert.deepEqual(set.notices, []);
});

test('the same seed gives the same pictures on every machine', async () => {
  const { train, test } = await shapes(200, 100);
  assert.equal(sha256(train), 'afe10da21cce74325ab76d74b6742275563873853cff900d9b2b38193588e4b5');
  assert.equal(sha256(test), 'bf85d223583b32198c4fad91a8a5716d524dc7280788c486323503babe3d79ab');
});

test('another seed, or the other split, gives other pictures', async () => {
  const first = await shapes(20, 20, 1);
  const beyond32Bits = await shapes(20, 20, 1 + 2 ** 32);
  const sums = [first.train, first.test, beyond32Bits.train, beyond32Bits.test].map(sha256);
  assert.equal(new Set(sums).size, 4);
});

test('a limit takes the first of the pictures that there are without it', async () => {
  const [few, more] = [await shapes(255, 7), await shapes(600, 300)];
  for (const split of ['train', 'test'] as const) {
    const { pixels, labels, count } = few[split];
    assert.deepEqual(labels, more[split].labels.subarray(0, count));
    assert.equal(Buffer.compare(pixels, more[split].pixels.subarray(0, count * PICTURE)), 0);
  }
});

test('classes are balanced in every prefix', async () => {
  const { labels } = (await shapes(537)).train;
  const counts = new Array<number>(10).fill(0);
  for (const label of labels) counts[label] = (counts[label] as number) + 1;
  assert.deepEqual(counts, [54, 54, 54, 54, 54, 54, 54, 53, 53, 53]);
});

test('the mean and standard deviation are those of the pictures', async () => {
  const { train, mean, std } = await shapes(4000);
  for (let channel = 0; channel < 3; channel++) {
    const values = channelValues(train, channel);
    const average = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / values.length;
    assert.ok(Math.abs(average - (mean[channel] as number)) < 0.005, `mean ${average}`);
    assert.ok(Math.abs(Math.sqrt(variance) - (std[channel] as number)) < 0.005, `std ${variance}`);
  }
});

test('colour and brightness do not tell the class', async () => {
  const { train, test } = await shapes(2000, 500);
  const known = colourStatistics(train);
  const nearest = colourStatistics(test).map((picture) => {
    const distances = known.map((other) =>
      Math.hypot(...picture.map((x, i) => x - (other[i] ?? 0))),
    );
    return train.labels[distances.indexOf(Math.min(...distances))];
  });
  const right = nearest.filter((label, index) => label === test.labels[index]).length;
  assert.ok(right / test.count < 0.2, `${right} of ${test.count}`); // guessing gives 0.1
});

test('no two pictures are the same', async () => {
  const { pixels, count } = (await shapes(500)).train;
  const sums = Array.from({ length: count }, (_, i) =>
    createHash('sha256')
      .update(pixels.subarray(i * PICTURE, (i + 1) * PICTURE))
      .digest('hex'),
  );
  assert.equal(new Set(sums).size, count);
});

test('the event loop turns while pictures are drawn', async () => {
  let turns = 0;
  let drawing = true;
  const turn = () => {
    turns++;
    if (drawing) setImmediate(turn);
  };
  setImmediate(turn);
  await shapes(2000, 500);
  drawing = false;
  assert.ok(turns >= 10, `${turns} turns`);
});

test('a signal ends the drawing', async () => {
  const controller = new AbortController();
  const loading = loadDataset(
    { dataset: 'shapes', dataRoot: '/nowhere', seed: 0 },
    { signal: controller.signal },
  );
  setImmediate(() => controller.abort());
  await assert.rejects(loading, { code: 'ERR_MOCO_ABORTED' });
});

test('random numbers depend on every part of their key and are uniform', () => {
  const first = (seed: number, split: number, index: number) =>
    new PictureRandom(seed, split, index).bits();
  const keys = [0, 1, 2, 2 ** 32, 2 ** 53 - 1].flatMap((seed) =>
    [0, 1].flatMap((split) => [0, 1, 2, 9999].map((index) => first(seed, split, index))),
  );
  assert.equal(new Set(keys).size, keys.length);
  const random = new PictureRandom(5, 0, 0);
  const bins = new Array<number>(16).fill(0);
  for (let i = 0; i < 16_000; i++) {
    const bin = random.integer(0, 15);
    bins[bin] = (bins[bin] as number) + 1;
  }
  // 1000 are expected with a standard deviation of 31; five times that may happen.
  for (const count of bins) assert.ok(Math.abs(count - 1000) < 155, `${bins}`);
});

/** One channel of all pictures, 0…1. */
function channelValues(pictures: PicturesInMemory, channel: number): Float64Array {
  const values = new Float64Array(pictures.count * PLANE);
  for (let i = 0; i < pictures.count; i++) {
    const plane = Float64Array.from(planeOf(pictures, i, channel), (value) => value / 255);
    values.set(plane, i * PLANE);
  }
  return values;
}

/** Mean and standard deviation of each channel, of each picture. */
function colourStatistics(pictures: PicturesInMemory): number[][] {
  return Array.from({ length: pictures.count }, (_, i) =>
    [0, 1, 2].flatMap((channel) => {
      const plane = planeOf(pictures, i, channel);
      const mean = plane.reduce((sum, value) => sum + value, 0) / PLANE;
      const variance = plane.reduce((sum, value) => sum + (value - mean) ** 2, 0) / PLANE;
      return [mean, Math.sqrt(variance)];
    }),
  );
}
