import assert from 'node:assert/strict';
import { appendFile, open, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PartialFeatures } from '#moco/features/partialFeatures.js';
import { safetensorsFormat } from '#moco/features/safetensorsFormat.js';
import { collect } from '../../support/collect.js';
import { failure } from '../../support/failure.js';
import { bytesOf, featureContent, featureValues } from '../../support/featureContent.js';
import { partialRequest } from '../../support/partialRows.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

/** Of eight candidates, three are broken. */
const BROKEN: [number, string][] = [
  [1, 'empty'],
  [6, 'damaged'],
  [7, 'gone'],
];
const content = featureContent({ count: 5, ids: ['0', '2', '3', '4', '5'], labels: undefined });
const bytes = bytesOf(featureValues(5, 2));

const BLOCKS = [
  { next: 3, bytes: bytes.subarray(0, 16), broken: BROKEN.slice(0, 1) },
  { next: 5, bytes: bytes.subarray(16, 32), broken: [] },
  { next: 8, bytes: bytes.subarray(32), broken: BROKEN.slice(1) },
];

const request = (target: string, change = {}) => ({
  ...partialRequest(target, content, safetensorsFormat),
  ...change,
});

/** Adds the blocks that are missing, and finishes the file. */
async function finish(target: string): Promise<{ first: number; replacesOther: boolean }> {
  await using partial = await PartialFeatures.open(request(target));
  const { next: first, replacesOther } = partial;
  for (const block of BLOCKS.filter(({ next }) => next > first)) await partial.add(block);
  assert.deepEqual([partial.next, partial.count], [8, 5]);
  assert.deepEqual([...partial.candidates()], [0, 2, 3, 4, 5]);
  assert.deepEqual(partial.broken, BROKEN);
  await safetensorsFormat.finish(target, content, partial);
  await partial.remove();
  return { first, replacesOther };
}

async function writePart(target: string, change = {}): Promise<void> {
  await using partial = await PartialFeatures.open(request(target, change));
  for (const block of BLOCKS.slice(0, 2)) await partial.add(block);
}

for (const [title, alter, first] of [
  ['goes on after its last block', async () => {}, 5],
  [
    'goes on before a line of its journal that is not whole',
    async (out: string) => await appendFile(`${out}.part.jsonl`, '01234567 {"next":8'),
    5,
  ],
  [
    'goes on before bytes that are missing',
    async (out: string) => await truncate(`${out}.part`, reserved + 17),
    3,
  ],
  [
    'begins again where the first bytes are others',
    async (out: string) => {
      await using file = await open(`${out}.part`, 'r+');
      await file.write(Buffer.of(1), 0, 1, reserved + 3);
    },
    0,
  ],
  [
    'begins again where there is no journal',
    async (out: string) => await rm(`${out}.part.jsonl`),
    0,
  ],
] as const) {
  test(`what was stopped ${title}, and gives the same file`, async (t) => {
    const folder = temporaryFolder(t);
    const [whole, out] = [join(folder, 'whole'), join(folder, 'out')];
    await finish(whole);
    await writePart(out);
    await alter(out);
    assert.deepEqual(await finish(out), { first, replacesOther: false });
    assert.deepEqual(await readFile(out), await readFile(whole));
    assert.deepEqual((await readdir(folder)).sort(), ['out', 'whole']);
  });
}

const { reserved } = request('');

test('what is of something else is begun again, and it is told so', async (t) => {
  const out = join(temporaryFolder(t), 'out');
  await writePart(out, { key: 'other' });
  assert.deepEqual(await finish(out), { first: 0, replacesOther: true });
});

test('nothing is written where another process has taken over', async (t) => {
  const out = join(temporaryFolder(t), 'out');
  const requireMine = () => {
    throw new Error('taken over');
  };
  await using partial = await PartialFeatures.open(request(out, { requireMine }));
  const [block] = BLOCKS;
  assert.match((await failure(partial.add(block as (typeof BLOCKS)[0]))).message, /taken over/);
  assert.equal((await readFile(`${out}.part`)).length, 0);
});

test('rows are read whole, and a file that has got shorter is an error', async (t) => {
  const out = join(temporaryFolder(t), 'out');
  await writePart(out);
  await using partial = await PartialFeatures.open(request(out));
  const { events } = await collect(partial.read());
  assert.deepEqual(Buffer.concat(events), Buffer.from(bytes.subarray(0, 32)));
  await truncate(`${out}.part`, reserved + 20);
  await assert.rejects(collect(partial.read()), /out\.part ends too early/);
});
