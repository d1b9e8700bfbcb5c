import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { before, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PictureInput } from '#moco/embed/encoder.js';
import { collect } from '../../support/collect.js';
import { COLOUR_SIDE, ColourDouble, colourRow, encoderOn } from '../../support/encoderDouble.js';
import { failure } from '../../support/failure.js';
import { gradient, pngOf, writeFiles, writePictures } from '../../support/pictureFolder.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const folder = temporaryFolder();
const paths = Array.from({ length: 10 }, (_, number) => join(folder, `${number}.png`));
const rows = paths.map((_, number) => colourRow(gradient(COLOUR_SIDE, COLOUR_SIDE, number)));

before(async () => {
  await writePictures(
    folder,
    paths.map((_, number) => `${number}.png`),
    COLOUR_SIDE,
  );
  await writeFiles(folder, { 'broken.png': 'no picture' });
});

/** A sequence that counts what is taken of it, and knows its end. */
function counted(length: number) {
  const seen = { taken: 0, hasEnded: false };
  async function* give() {
    try {
      for (; seen.taken < length; seen.taken++) yield paths[seen.taken % 10] as string;
    } finally {
      seen.hasEnded = true;
    }
  }
  return { seen, pictures: give() };
}

/** Waits until nothing more happens by itself. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await nextTurn();
}

test('pictures come back in batches, in their order', async () => {
  await using encoder = encoderOn();
  const { events, error } = await collect(encoder.embedStream(paths, { batchSize: 4 }));
  assert.equal(error, undefined);
  assert.deepEqual(
    events.map(({ dims, paths, failures }) => [dims, paths, failures]),
    [
      [[4, 4], paths.slice(0, 4), []],
      [[4, 4], paths.slice(4, 8), []],
      [[2, 4], paths.slice(8), []],
    ],
  );
  const data = events.flatMap((batch) => [...batch.data]);
  assert.deepEqual(data, [...Float32Array.from(rows.flat())]);
});

test('a batch has 64 pictures where nothing else is said', async () => {
  await using encoder = encoderOn();
  const { pictures } = counted(70);
  const { events } = await collect(encoder.embedStream(pictures));
  assert.deepEqual(
    events.map(({ dims }) => dims[0]),
    [64, 6],
  );
});

test('pictures that cannot be read are named in their batch, and no error', async () => {
  await using encoder = encoderOn();
  const [broken, missing] = [join(folder, 'broken.png'), join(folder, 'missing.png')];
  const mixed = [broken, paths[0] as string, missing, broken];
  const { events } = await collect(encoder.embedStream(mixed, { batchSize: 3 }));
  assert.deepEqual(events[0]?.paths, [paths[0]]);
  assert.deepEqual([...(events[0]?.data ?? [])], [...Float32Array.from(rows[0] ?? [])]);
  const names = events.map(({ failures }) => failures.map(({ path }) => path));
  assert.deepEqual(names, [[broken, missing], [broken]]);
  assert.match(events[0]?.failures[0]?.reason ?? '', /no JPEG, PNG/);
  assert.match(events[0]?.failures[1]?.reason ?? '', /not there/);
  assert.deepEqual([events[1]?.dims, events[1]?.paths], [[0, 4], []]);
});

test('no pictures are no batches', async () => {
  await using encoder = encoderOn();
  assert.deepEqual(await collect(encoder.embedStream([])), { events: [] });
});

test('the pictures may be of any kind', async () => {
  await using encoder = encoderOn();
  const size = { width: COLOUR_SIDE, height: COLOUR_SIDE, channels: 3 } as const;
  const pictures: PictureInput[] = [
    { data: gradient(COLOUR_SIDE, COLOUR_SIDE, 0), ...size },
    await pngOf(COLOUR_SIDE, COLOUR_SIDE, 1),
    Readable.from([await pngOf(COLOUR_SIDE, COLOUR_SIDE, 2)]),
  ];
  const { events } = await collect(encoder.embedStream(new Set(pictures)));
  assert.deepEqual(events[0]?.paths, pictures);
  assert.deepEqual([...(events[0]?.data ?? [])], [...Float32Array.from(rows.slice(0, 3).flat())]);
});

test('options reach the encoder', async () => {
  await using encoder = encoderOn();
  const { events } = await collect(encoder.embedStream(paths.slice(0, 1), { dtype: 'fp16' }));
  assert.ok(events[0]?.data instanceof Uint16Array);
  await using bare = encoderOn(undefined, { dims: { features: 4, projection: undefined } });
  const { error } = await collect(bare.embedStream(paths, { output: 'projection' }));
  assert.match(error?.message ?? '', /has no projection head/);
});

test('a slow consumer holds the pictures back', async () => {
  await using encoder = encoderOn();
  const { seen, pictures } = counted(1000);
  const stream = encoder.embedStream(pictures, { batchSize: 5 });
  await stream.next();
  await settled();
  const { taken } = seen;
  assert.ok(taken >= 10 && taken <= 21, `${taken}`);
  await settled();
  assert.equal(seen.taken, taken);
  await stream.next();
  await settled();
  assert.ok(seen.taken > taken && seen.taken <= taken + 5, `${seen.taken}`);
  await stream.return();
});

test('a batch that is there does not wait for pictures that are not', async () => {
  await using encoder = encoderOn();
  async function* slow() {
    yield* paths.slice(0, 2);
    await new Promise(() => {}); // the next picture never comes
  }
  const stream = encoder.embedStream(slow(), { batchSize: 2 });
  assert.deepEqual((await stream.next()).value?.paths, paths.slice(0, 2));
  await stream.return();
});

test('a loop that is left ends the sequence, and gives up what waits', async () => {
  const native = new ColourDouble();
  await using encoder = encoderOn(native);
  const { seen, pictures } = counted(1000);
  for await (const _ of encoder.embedStream(pictures, { batchSize: 2 })) break;
  assert.equal(seen.hasEnded, true);
  await settled();
  const requests = native.requests.length;
  assert.deepEqual([encoder.statistics().admitted, encoder.statistics().waiting], [0, 0]);
  await settled();
  assert.equal(native.requests.length, requests);
});

test('a signal ends it at once, whatever it waits for', async () => {
  for (const moment of ['before', 'computing', 'source'] as const) {
    const native = new ColourDouble();
    await using encoder = encoderOn(native);
    const controller = new AbortController();
    if (moment === 'before') controller.abort();
    if (moment === 'computing') native.holding = true;
    const { seen, pictures } = counted(1000);
    async function* never(): AsyncGenerator<string> {
      await new Promise(() => {});
    }
    const given = moment === 'source' ? never() : pictures;
    const stream = encoder.embedStream(given, { signal: controller.signal });
    const first = failure(stream.next(), 'ERR_MOCO_ABORTED');
    await nextTurn();
    controller.abort(new Error('enough'));
    const { message } = await first;
    assert.equal(message, 'the embedding was stopped');
    if (moment === 'computing') assert.equal(seen.hasEnded, true);
    assert.equal((await stream.next()).done, true);
    await settled();
    assert.equal(encoder.statistics().admitted, 0);
  }
});

test('an error of the sequence is thrown when its turn comes', async () => {
  await using encoder = encoderOn();
  async function* failing() {
    yield* paths.slice(0, 4);
    throw new Error('the list ends here');
  }
  const seen: unknown[] = [];
  await assert.rejects(
    async () => {
      for await (const { dims } of encoder.embedStream(failing(), { batchSize: 2 }))
        seen.push(dims);
    },
    { message: 'the list ends here' },
  );
  assert.deepEqual(seen, [
    [2, 4],
    [2, 4],
  ]);
});

test('what is no picture is an error that says which', async () => {
  await using encoder = encoderOn();
  const wrong = [...paths.slice(0, 2), 7] as string[];
  const { error } = await collect(encoder.embedStream(wrong));
  assert.equal(error?.code, 'ERR_MOCO_CONFIG');
  assert.match(error.message, /wrong picture 2: expected a path, .* given 7/);
});

test('wrong arguments are refused at the call', async () => {
  await using encoder = encoderOn();
  const wrong = [
    ['a.jpg', {}, /pictures: expected a list/],
    [Buffer.from('a'), {}, /pictures: expected a list/],
    [[], { batchSize: 0 }, /batchSize: expected a whole number from 1 on/],
    [[], { normalise: true }, /unknown option; the nearest known one is normalize/],
  ] as const;
  for (const [pictures, options, message] of wrong) {
    assert.throws(() => encoder.embedStream(pictures as unknown as string[], options as object), {
      ...{ code: 'ERR_MOCO_CONFIG', message },
    });
  }
});

test('the disposal of the encoder ends it', async () => {
  const native = new ColourDouble();
  const encoder = encoderOn(native);
  native.holding = true;
  const first = encoder.embedStream(paths).next();
  await settled();
  await encoder.dispose();
  await failure(first, 'ERR_MOCO_DISPOSED');
  await failure(encoder.embedStream(paths).next(), 'ERR_MOCO_DISPOSED');
});
