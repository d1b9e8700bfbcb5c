import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFeatureFile } from '#moco/features/featureFile.js';
import { NeighbourIndex } from '#moco/search/neighbourIndex.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

const folder = temporaryFolder();
const DIMS = 24;
const SIZE = 3000;

/** Numbers between −1 and 1, the same in every run. */
function noise(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count * DIMS }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

const data = noise(SIZE, 1);
const row = (number: number) => data.subarray(number * DIMS, (number + 1) * DIMS);

/** The rows most similar to a query, by definition, and how similar they are. */
function expected(query: Float32Array, metric: string, k: number) {
  const length = (vector: Float32Array) => Math.hypot(...vector);
  const similarities = Array.from({ length: SIZE }, (_, number) => {
    const other = row(number);
    const dot = query.reduce((sum, value, at) => sum + value * (other[at] as number), 0);
    if (metric === 'dot') return dot;
    if (metric === 'cosine') return dot / length(query) / length(other);
    return -length(query.map((value, at) => value - (other[at] as number)));
  });
  const rows = [...similarities.keys()].sort(
    (a, b) => (similarities[b] as number) - (similarities[a] as number) || a - b,
  );
  return rows.slice(0, k).map((number) => [number, similarities[number] as number] as const);
}

for (const metric of ['cosine', 'dot', 'euclidean'] as const) {
  test(`the nearest by ${metric} are found, from memory and from a file, to the last bit alike`, async () => {
    const path = join(folder, `${metric}.safetensors`);
    await using index = await NeighbourIndex.build(data, { dims: DIMS, metric });
    await index.save(path);
    await using loaded = await NeighbourIndex.load(path);
    await using plain = await NeighbourIndex.load(path, { firstPass: 'none', threads: 1 });
    assert.deepEqual([loaded.metric, loaded.size, loaded.dims], [metric, SIZE, DIMS]);
    const queries = noise(5, 2);
    const found = await index.search(queries, { k: 8 });
    assert.deepEqual(await loaded.search(queries, { k: 8 }), found);
    assert.deepEqual(await plain.search(queries, { k: 8 }), found);
    for (let query = 0; query < 5; query++) {
      const nearest = expected(queries.subarray(query * DIMS, (query + 1) * DIMS), metric, 8);
      nearest.forEach(([number, similarity], rank) => {
        assert.equal(found.rows[query * 8 + rank], number);
        assert.ok(Math.abs((found.similarities[query * 8 + rank] as number) - similarity) < 1e-5);
      });
    }
  });
}

test('ids, classes and labels are kept, and the numbers of rows stand for ids that are not given', async () => {
  const path = join(folder, 'named.safetensors');
  const ids = Array.from({ length: SIZE }, (_, number) => `ä/${number}.png`);
  const labels = Int32Array.from({ length: SIZE }, (_, number) => (number % 3) - 1);
  const named = { dims: DIMS, ids, labels, classes: ['cat', 'dog'] };
  await using index = await NeighbourIndex.build(data, named);
  await index.save(path);
  await using loaded = await NeighbourIndex.load(path);
  assert.deepEqual(loaded.ids, ids);
  assert.deepEqual(
    [0, 1, 2].map((number) => loaded.labelOf(number)),
    [undefined, 'cat', 'dog'],
  );
  assert.deepEqual((await loaded.search(row(41), { k: 1 })).ids, ['ä/41.png']);
  await using without = await NeighbourIndex.build(data, { dims: DIMS });
  assert.deepEqual((await without.search(row(41), { k: 1 })).ids, ['41']);
});

test('fewer vectors than asked for are all found; one alone is its own neighbour', async () => {
  await using index = await NeighbourIndex.build(row(0), { dims: DIMS });
  const found = await index.search(row(0), { k: 10 });
  assert.deepEqual([found.k, found.ids], [1, ['0']]);
  assert.ok(Math.abs((found.similarities[0] as number) - 1) < 1e-6);
});

test('many searches at once each find their own, and each can be ended alone', async () => {
  await using index = await NeighbourIndex.build(data, { dims: DIMS });
  const stop = new AbortController();
  const searches = Array.from({ length: 50 }, (_, number) => {
    const search = index.search(row(number), {
      k: 2,
      signal: number % 5 === 4 ? stop.signal : undefined,
    });
    return search.then(
      ({ rows }) => rows[0],
      (error) => error.code as string,
    );
  });
  stop.abort();
  const found = await Promise.all(searches);
  found.forEach((result, number) => {
    assert.equal(result, number % 5 === 4 ? 'ERR_MOCO_ABORTED' : number);
  });
});

test('duplicates are found as pairs and as groups', async () => {
  const copies = data.slice();
  copies.set(row(3), 7 * DIMS);
  copies.set(
    row(3).map((value) => value * 2),
    2999 * DIMS,
  );
  copies.set(row(100), 50 * DIMS);
  const seen: number[] = [];
  await using index = await NeighbourIndex.build(copies, { dims: DIMS });
  const found = await index.duplicates({
    threshold: 0.9999,
    onProgress: ({ compared, pairs }) => seen.push(compared / pairs),
  });
  assert.equal(found.pairCount, 4);
  assert.equal(found.listedPairs, 4);
  assert.deepEqual(
    found.groups.map(({ rows }) => rows),
    [
      [3, 7, 2999],
      [50, 100],
    ],
  );
  assert.deepEqual(found.groups[1]?.pairs[0]?.ids, ['50', '100']);
  assert.equal(seen.at(-1), 1);
  const few = await index.duplicates({ threshold: 0.9999, maxPairs: 1 });
  assert.deepEqual([few.pairCount, few.listedPairs, few.groups.length], [4, 1, 2]);
  await assert.rejects(index.duplicates({ threshold: 1.5 }), { code: 'ERR_MOCO_CONFIG' });
});

test('a signal ends the making of an index, and a search for duplicates', async () => {
  const stop = new AbortController();
  const making = NeighbourIndex.build(data, { dims: DIMS, signal: stop.signal });
  stop.abort();
  await assert.rejects(making, { code: 'ERR_MOCO_ABORTED' });
  await using index = await NeighbourIndex.build(data, { dims: DIMS });
  const later = new AbortController();
  const comparing = index.duplicates({ threshold: 0.5, signal: later.signal });
  later.abort();
  await assert.rejects(comparing, { code: 'ERR_MOCO_ABORTED' });
  assert.equal((await index.search(row(9), { k: 1 })).rows[0], 9);
});

test('a search for duplicates lets searches through between its parts', async () => {
  const many = noise(40_000, 4);
  await using index = await NeighbourIndex.build(many, {
    ...{ dims: DIMS, firstPass: 'none', threads: 1 },
  });
  const stop = new AbortController();
  let isOver = false;
  const comparing = index.duplicates({ threshold: 0.999, signal: stop.signal }).finally(() => {
    isOver = true;
  });
  const [found] = await Promise.all([
    index.search(many.subarray(0, DIMS), { k: 1 }),
    index.search(many.subarray(DIMS, 2 * DIMS), { k: 2 }),
  ]);
  assert.equal(found.rows[0], 0);
  assert.ok(!isOver, 'the searches waited until all rows had been compared');
  stop.abort();
  await assert.rejects(comparing, { code: 'ERR_MOCO_ABORTED' });
});

test('disposing of an index ends a search for duplicates', async () => {
  const index = await NeighbourIndex.build(noise(40_000, 4), { dims: DIMS, firstPass: 'none' });
  const comparing = index.duplicates({ threshold: 0.999 });
  await index.search(row(0), { k: 1 });
  await Promise.all([assert.rejects(comparing, { code: 'ERR_MOCO_ABORTED' }), index.dispose()]);
});

test('damage to features is found where that is asked for', async () => {
  const path = join(folder, 'damaged.safetensors');
  await using index = await NeighbourIndex.build(data, { dims: DIMS });
  await index.save(path);
  await using whole = await NeighbourIndex.load(path, { verify: true });
  assert.equal(whole.size, SIZE);
  const { offset } = await readFeatureFile(path);
  const content = readFileSync(path);
  content.writeUInt8(content.readUInt8(offset + 400) ^ 1, offset + 400);
  writeFileSync(path, content);
  await using unseen = await NeighbourIndex.load(path);
  assert.equal(unseen.size, SIZE);
  await assert.rejects(NeighbourIndex.load(path, { verify: true }), {
    code: 'ERR_MOCO_DATA',
    message: /damaged\.safetensors: they are damaged: the checksum is wrong$/,
  });
});

test('numbers that are not finite are refused, in vectors and in queries, and others go on', async () => {
  const bad = data.slice();
  bad[1234 * DIMS + 5] = Number.NaN;
  const making = NeighbourIndex.build(bad, { dims: DIMS });
  await assert.rejects(making, { code: 'ERR_MOCO_NON_FINITE', message: /^row 1234 / });
  await using index = await NeighbourIndex.build(data, { dims: DIMS });
  const query = row(0).map((value, at) => (at === 3 ? Number.NaN : value));
  const [wrong, right] = [index.search(query, { k: 1 }), index.search(row(0), { k: 1 })];
  await assert.rejects(wrong, { code: 'ERR_MOCO_NON_FINITE' });
  assert.equal((await right).rows[0], 0);
});

test('vectors in shared, resized and detached buffers are an error or the right answer', async () => {
  const shared = new Float32Array(new SharedArrayBuffer(data.byteLength));
  shared.set(data);
  await using index = await NeighbourIndex.build(shared, { dims: DIMS });
  assert.equal((await index.search(row(17), { k: 1 })).rows[0], 17);
  const taken = noise(100_000, 3);
  const making = NeighbourIndex.build(taken, { dims: DIMS });
  structuredClone(taken, { transfer: [taken.buffer as ArrayBuffer] });
  await assert.rejects(making, { code: 'ERR_MOCO_CONFIG', message: /detached or resized/ });
  await assert.rejects(NeighbourIndex.build(taken, { dims: DIMS }), { code: 'ERR_MOCO_CONFIG' });
});

test('wrong numbers of ids and labels, and labels without a class, are refused', async () => {
  const wrong = [
    { dims: 7 },
    { dims: DIMS, ids: ['a'] },
    { dims: DIMS, labels: Int32Array.of(0) },
    { dims: DIMS, labels: new Int32Array(SIZE).fill(2), classes: ['a', 'b'] },
  ];
  for (const options of wrong) {
    await assert.rejects(NeighbourIndex.build(data, options), { code: 'ERR_MOCO_CONFIG' });
  }
});

test('a file that was changed in place is an error, and one that was replaced is not seen', async () => {
  const path = join(folder, 'changed.safetensors');
  await using index = await NeighbourIndex.build(data, { dims: DIMS });
  await index.save(path);
  await using loaded = await NeighbourIndex.load(path);
  await loaded.save(path); // onto itself
  await using again = await NeighbourIndex.load(path);
  copyFileSync(path, `${path}.copy`);
  renameSync(`${path}.copy`, path);
  assert.equal((await again.search(row(5), { k: 1 })).rows[0], 5);
  await using last = await NeighbourIndex.load(path);
  appendFileSync(path, 'more');
  await assert.rejects(last.search(row(5), { k: 1 }), {
    code: 'ERR_MOCO_DATA',
    message: /written/,
  });
  truncateSync(path, statSync(path).size - 100_000);
  await assert.rejects(last.search(row(5), { k: 1 }), {
    code: 'ERR_MOCO_DATA',
    message: /shorter/,
  });
  await assert.rejects(last.save(join(folder, 'never')), { code: 'ERR_MOCO_DATA' });
});

test('what is asked of an index that was disposed of is refused, and what runs is ended', async () => {
  const index = await NeighbourIndex.build(data, { dims: DIMS });
  const running = assert.rejects(index.search(data, { k: 1 }), ({ code }) =>
    ['ERR_MOCO_ABORTED', 'ERR_MOCO_DISPOSED'].includes(code),
  );
  await index.dispose();
  await index.dispose();
  await running;
  await assert.rejects(index.search(row(0)), { code: 'ERR_MOCO_DISPOSED' });
  await assert.rejects(index.duplicates({ threshold: 0.9 }), { code: 'ERR_MOCO_DISPOSED' });
  await assert.rejects(index.save(join(folder, 'never')), { code: 'ERR_MOCO_DISPOSED' });
});

/** Groups of similar vectors, as an encoder's features are. */
function clustered(): Float32Array {
  const [centres, spread] = [noise(60, 5), noise(SIZE, 6)];
  return spread.map((value, at) => {
    const [number, column] = [Math.floor(at / DIMS), at % DIMS];
    return (centres[(number % 60) * DIMS + column] as number) + 0.4 * value;
  });
}

for (const metric of ['cosine', 'dot', 'euclidean'] as const) {
  test(`an approximate index finds nearly all of the nearest by ${metric}, also after it was saved`, async () => {
    const path = join(folder, `approximate-${metric}.safetensors`);
    const vectors = clustered();
    const queries = vectors.slice(0, 200 * DIMS);
    await using exact = await NeighbourIndex.build(vectors, { dims: DIMS, metric });
    const expected = await exact.search(queries, { k: 10 });
    await using index = await NeighbourIndex.build(vectors, {
      dims: DIMS,
      metric,
      approximate: true,
    });
    assert.ok(index.description.approximate);
    const found = await index.search(queries, { k: 10 });
    let hits = 0;
    let worst = 0; // of the rows that both found: one that is missed moves all after it
    for (let at = 0; at < 2000; at++) {
      const ofQuery = expected.rows.subarray(at - (at % 10), at - (at % 10) + 10);
      const place = ofQuery.indexOf(found.rows[at] as number);
      if (place < 0) continue;
      hits++;
      const right = expected.similarities[at - (at % 10) + place] as number;
      worst = Math.max(worst, Math.abs((found.similarities[at] as number) - right));
    }
    assert.ok(hits / 2000 > 0.9, `recall ${hits / 2000}`);
    assert.ok(worst < 0.3, `similarities differ by ${worst}`);
    await index.save(path);
    await using loaded = await NeighbourIndex.load(path, { approximate: true });
    assert.deepEqual(await loaded.search(queries, { k: 10 }), found);
    await using plain = await NeighbourIndex.load(path);
    assert.deepEqual(await plain.search(queries, { k: 10 }), expected);
  });
}

test('the graph of other features is not taken, and goes when an index is saved in their place', async () => {
  const path = join(folder, 'replaced.safetensors');
  const graphs = () => readdirSync(folder).filter((name) => /^replaced.*usearch$/.test(name));
  await using first = await NeighbourIndex.build(data, { dims: DIMS, approximate: true });
  await first.save(path);
  const [graph] = graphs();
  await using second = await NeighbourIndex.build(clustered(), { dims: DIMS });
  await second.save(path);
  await using index = await NeighbourIndex.load(path, { approximate: true });
  assert.ok(
    ((await index.search(clustered().slice(0, DIMS), { k: 1 })).similarities[0] ?? 0) > 0.99,
  );
  await index.save(path);
  assert.equal(graphs().length, 1);
  assert.notEqual(graphs()[0], graph);
});

test('a signal ends the making of a graph, and disposing of an index ends its searches', async () => {
  const stop = new AbortController();
  const making = NeighbourIndex.build(noise(20_000, 7), {
    ...{ dims: DIMS, approximate: true, signal: stop.signal },
  });
  setTimeout(() => stop.abort(), 200);
  await assert.rejects(making, { code: 'ERR_MOCO_ABORTED' });
  const index = await NeighbourIndex.build(data, { dims: DIMS, approximate: true });
  const searching = assert.rejects(index.search(data, { k: 5 }), { code: 'ERR_MOCO_DISPOSED' });
  await index.dispose();
  await searching;
  await assert.rejects(index.search(row(0)), { code: 'ERR_MOCO_DISPOSED' });
});
