import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import {
  appendFile,
  cp,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import { verifyChecksums } from '#moco/formats/verifyChecksums.js';
import { checkPictures } from '#moco/pictures/checkPictures.js';
import { datasetOf } from '#moco/pictures/datasetOf.js';
import { inspectPictures } from '#moco/pictures/inspectPictures.js';
import { openPacked } from '#moco/pictures/openPacked.js';
import type { PackProgress } from '#moco/pictures/pack.js';
import { type PackedRequest, packedFor } from '#moco/pictures/packedFor.js';
import { packPictures } from '#moco/pictures/packPictures.js';
import { failure } from '../../support/failure.js';
import { gradient, pngOf, writeFiles, writePictures } from '../../support/pictureFolder.js';
import { safetensors } from '../../support/safetensorsFile.js';
import { runWithSmallDisk } from '../../support/smallDisk.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

/** Large pictures, of which a block has four, so that few of them are several blocks. */
const SIDE = 512;

/** So many that packing them takes long enough to be stopped. */
const COUNT = 40;

function folders(t: TestContext) {
  const folder = temporaryFolder(t);
  return { folder, pictures: join(folder, 'pictures'), out: join(folder, 'pictures.moco') };
}

/** Packs a folder of small pictures as it is. */
const packSmall = (pictures: string, out: string, options = {}) =>
  packPictures([pictures], out, { storedSize: 8, imageSize: 8, ...options });

/** The bytes of all pictures in a packed file. */
async function pixelsIn(path: string): Promise<Buffer> {
  const { pixels } = await openPacked(path);
  const bytes = pixels.count * pixels.side ** 2 * 3;
  return (await readFile(path)).subarray(pixels.offset, pixels.offset + bytes);
}

test('a packed file holds the pictures in the order of their names, and is safetensors', async (t) => {
  const { pictures, out } = folders(t);
  await writePictures(pictures, ['b.png', 'a/z.png', 'B.png', 'a-b.png']);
  await packSmall(pictures, out);
  assert.deepEqual(await (await openPacked(out)).names(), ['B.png', 'a-b.png', 'a/z.png', 'b.png']);
  const expected = Buffer.concat([2, 3, 1, 0].map((number) => gradient(8, 8, number)));
  assert.deepEqual(await pixelsIn(out), expected);
  const file = await readTensorFile(out);
  assert.equal(await verifyChecksums(file), file.tensors.length);
  assert.deepEqual(file.tensors[0]?.shape, [4, 8, 8, 3]);
});

test('numbers of four bytes lie at multiples of four, whatever the pictures take', async (t) => {
  const { pictures, out } = folders(t);
  await writePictures(pictures, ['a.png', 'b.png', 'c.png'], 5);
  await packPictures([pictures], out, { storedSize: 5 });
  for (const { dtype, storage } of (await readTensorFile(out)).tensors) {
    if (dtype !== 'U8') assert.equal(storage.offset % 4, 0);
  }
  assert.equal((await openPacked(out)).pixels.count, 3);
});

test('mean and deviation are those of the training pictures', async (t) => {
  const { pictures, out } = folders(t);
  await writePictures(pictures, ['train/1.png', 'train/2.png', 'test/3.png']);
  const { mean, std } = await packSmall(pictures, out);
  const bytes = Buffer.concat([gradient(8, 8, 0), gradient(8, 8, 1)]);
  for (const channel of [0, 1, 2]) {
    const values = [...bytes].filter((_, at) => at % 3 === channel).map((value) => value / 255);
    const center = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - center) ** 2, 0) / values.length;
    assert.ok(Math.abs((mean[channel] as number) - center) < 1e-12);
    assert.ok(Math.abs((std[channel] as number) - Math.sqrt(squares)) < 1e-9);
  }
});

test('the same pictures have the same fingerprint, wherever and whenever they are packed', async (t) => {
  const { folder, pictures, out } = folders(t);
  await writePictures(pictures, ['a/1.png', 'b/2.png']);
  const first = await packSmall(pictures, out, { labels: 'folders' });
  await cp(pictures, join(folder, 'copy'), { recursive: true });
  const copy = await packSmall(join(folder, 'copy'), join(folder, 'copy.moco'), {
    labels: 'folders',
  });
  assert.equal(copy.fingerprint, first.fingerprint);
  const bare = await packSmall(pictures, join(folder, 'bare.moco'));
  assert.notEqual(bare.fingerprint, first.fingerprint);
});

const request = (folder: string, pictures: string): PackedRequest => ({
  ...{ data: [pictures], dataRoot: join(folder, 'data'), storedSize: 8, imageSize: 8 },
  ...{ labels: 'none', split: 'auto', testFraction: 0.5, splitSeed: 0, strict: false },
});

test('folders are packed once, and again when anything in them has changed', async (t) => {
  const { folder, pictures } = folders(t);
  await writePictures(pictures, ['1.png', '2.png']);
  const pack = async () => {
    const seen: PackProgress[] = [];
    const packed = await packedFor(request(folder, pictures), {
      onProgress: (progress) => void seen.push(progress),
    });
    return { packed, isNew: seen.length > 0 };
  };
  const first = await pack();
  assert.equal(first.isNew, true);
  assert.equal((await pack()).isNew, false);
  const { mtimeMs } = await stat(join(pictures, '1.png'));
  for (const change of [
    () => writePictures(pictures, ['3.png']),
    () => utimes(join(pictures, '1.png'), 1, mtimeMs / 1000 + 7),
    () => rename(join(pictures, '1.png'), join(pictures, '4.png')),
    () => rm(join(pictures, '4.png')),
  ]) {
    await change();
    const again = await pack();
    assert.equal(again.isNew, true);
    assert.equal(again.packed.path, first.packed.path);
    assert.equal((await pack()).isNew, false);
  }
  assert.deepEqual(await readdir(join(folder, 'data/packed')), [
    first.packed.path.split('/').at(-1),
  ]);
});

test('a file that was packed for views of another size is packed again', async (t) => {
  const { pictures, out } = folders(t);
  await writePictures(pictures, ['1.png', '2.png']);
  await packSmall(pictures, out);
  assert.equal((await packSmall(pictures, out, { imageSize: 7 })).imageSize, 7);
});

test('strict refuses what was packed without it', async (t) => {
  const { pictures, out } = folders(t);
  await writePictures(pictures, ['1.png']);
  await writeFiles(pictures, { '2.png': 'no picture' });
  await packSmall(pictures, out);
  const strict = packSmall(pictures, out, { strict: true });
  assert.match((await failure(strict, 'ERR_MOCO_DATA')).message, /1 broken when it was packed/);
});

test('a damaged packed file of folders is made again', async (t) => {
  const { folder, pictures } = folders(t);
  await writePictures(pictures, ['1.png', '2.png']);
  const { path } = await packedFor(request(folder, pictures));
  await truncate(path, 5000);
  assert.equal((await packedFor(request(folder, pictures))).pixels.count, 2);
});

test('one packed file in place of folders is taken as it is; beside folders it is an error', async (t) => {
  const { folder, pictures, out } = folders(t);
  await writePictures(pictures, ['1.png', '2.png']);
  await packSmall(pictures, out);
  const given = { ...request(folder, pictures), data: [out] };
  assert.equal((await packedFor(given)).pixels.count, 2);
  for (const other of [{ labels: 'folders' }, { split: 'folders' as const }]) {
    const { message } = await failure(packedFor({ ...given, ...other }), 'ERR_MOCO_DATA');
    assert.match(message, /was packed with --\w+ (none|fraction), and not with folders/);
  }
  const mixed = packedFor({ ...given, data: [pictures, out] });
  assert.match((await failure(mixed, 'ERR_MOCO_DATA')).message, /is a file, among 2 paths/);
  const other = packedFor({ ...given, data: [join(pictures, '1.png')] });
  assert.match((await failure(other, 'ERR_MOCO_DATA')).message, /1\.png/);
});

/** Packs until two blocks were written, then stops. */
async function packPart(pictures: string, out: string): Promise<void> {
  const controller = new AbortController();
  const watch = setInterval(() => {
    if (!existsSync(`${out}.part.jsonl`)) return;
    const lines = readFileSync(`${out}.part.jsonl`, 'utf8').split('\n');
    if (lines.length > 3) controller.abort();
  }, 1);
  const packing = packPictures([pictures], out, { storedSize: SIDE, signal: controller.signal });
  const { message, hint } = await failure(packing, 'ERR_MOCO_ABORTED');
  clearInterval(watch);
  assert.match(message, /was stopped after \d+ files/);
  assert.match(`${hint}`, /goes on from there/);
}

const large = temporaryFolder();
for (let number = 0; number < 60; number++) {
  await writeFile(join(large, `${number}.png`), await pngOf(SIDE, SIDE, number));
}

/** Makes a folder of large pictures. */
async function writeLarge(pictures: string, count: number): Promise<void> {
  await mkdir(pictures, { recursive: true });
  for (let number = 0; number < count; number++) {
    await link(join(large, `${number}.png`), join(pictures, `${number}.png`));
  }
}

/** Packs, and tells with which file it began. */
async function packRest(pictures: string, out: string): Promise<number | undefined> {
  let first: number | undefined;
  await packPictures([pictures], out, {
    storedSize: SIDE,
    onProgress: ({ done }) => {
      first ??= done;
    },
  });
  return first;
}

for (const [title, alter, least] of [
  ['that was stopped goes on after its last whole block', async () => {}, 2],
  [
    'goes on before a line of its journal that is not whole',
    async (out: string) => await appendFile(`${out}.part.jsonl`, '01234567 {"next":9'),
    2,
  ],
  [
    'goes on before a block whose bytes are others',
    async (out: string) => await change(`${out}.part`, 40_000),
    0,
  ],
  [
    'goes on before bytes that are missing',
    async (out: string) => await truncate(`${out}.part`, 50_000),
    0,
  ],
  [
    'begins again where there is no journal',
    async (out: string) => await rm(`${out}.part.jsonl`),
    0,
  ],
] as const) {
  test(`a packing ${title}, and gives the same file`, async (t) => {
    const { folder, pictures, out } = folders(t);
    await writeLarge(pictures, COUNT);
    await writeFiles(pictures, { '0-broken.png': 'no picture' });
    await packPictures([pictures], join(folder, 'whole.moco'), { storedSize: SIDE });
    await packPart(pictures, out);
    await alter(out);
    const first = await packRest(pictures, out);
    assert.ok(first !== undefined && (least === 0 ? first === 0 : first >= least), `${first}`);
    assert.deepEqual(await readFile(out), await readFile(join(folder, 'whole.moco')));
    assert.deepEqual((await readdir(folder)).sort(), ['pictures', 'pictures.moco', 'whole.moco']);
  });
}

test('what a process left that was killed when the file was whole is removed', async (t) => {
  const { folder, pictures, out } = folders(t);
  await writeLarge(pictures, 2);
  await packPictures([pictures], out, { storedSize: SIDE });
  await writeFiles(folder, { 'pictures.moco.part.jsonl': 'a journal' });
  await packPictures([pictures], out, { storedSize: SIDE });
  assert.deepEqual((await readdir(folder)).sort(), ['pictures', 'pictures.moco']);
});

test('a packing begins again where the folder has changed since', async (t) => {
  const { pictures, out } = folders(t);
  await writeLarge(pictures, COUNT);
  await packPart(pictures, out);
  await writeFile(join(pictures, 'new.png'), await pngOf(SIDE, SIDE, 50));
  assert.equal(await packRest(pictures, out), 0);
  assert.equal((await openPacked(out)).pixels.count, COUNT + 1);
});

test('until the new file is whole, the old one stays', async (t) => {
  const { pictures, out } = folders(t);
  await writeLarge(pictures, COUNT);
  await packRest(pictures, out);
  const before = await readFile(out);
  await rm(join(pictures, '0.png'));
  await packPart(pictures, out);
  assert.deepEqual(await readFile(out), before);
});

test('where the disk is full, packing says so, and goes on when there is room', async (t) => {
  const { folder, pictures, out } = folders(t);
  await writePictures(pictures, ['1.png', '2.png']);
  const printed = runWithSmallDisk(`
    import { packPictures } from '#moco/pictures/packPictures.js';
    const packing = packPictures([${JSON.stringify(pictures)}], ${JSON.stringify(out)});
    await packing.catch(({ code, message }) => console.log(code, message));
  `);
  assert.match(printed, /^ERR_MOCO_OUTPUT cannot write .*pictures\.moco/);
  await packPictures([pictures], out);
  assert.deepEqual((await readdir(folder)).sort(), ['pictures', 'pictures.moco']);
});

test('two that pack the same file at a time give one, and the second takes it', async (t) => {
  const { pictures, out } = folders(t);
  await writeLarge(pictures, COUNT);
  const waits: string[] = [];
  const onProgress = ({ waitingFor }: PackProgress) => {
    if (waitingFor !== undefined) waits.push(waitingFor);
  };
  const [one, other] = await Promise.all([
    packPictures([pictures], out, { storedSize: SIDE, onProgress }),
    packPictures([pictures], out, { storedSize: SIDE, onProgress }),
  ]);
  assert.deepEqual(one, other);
  assert.deepEqual([...new Set(waits)], [`${out}.lock`]);
});

test('a file that changes or vanishes while it is packed is broken, and all else is packed', async (t) => {
  const { pictures, out } = folders(t);
  await writeLarge(pictures, 60);
  let isChanged = false;
  const { broken, count } = await packPictures([pictures], out, {
    storedSize: SIDE,
    onProgress: async ({ done }) => {
      if (isChanged || done > 9) return;
      isChanged = true;
      await rm(join(pictures, '58.png'));
      await writeFile(join(pictures, '58.png'), await pngOf(SIDE, SIDE, 99));
      await rm(join(pictures, '59.png'));
    },
  });
  assert.deepEqual(
    broken.map(({ name }) => name),
    ['58.png', '59.png'],
  );
  assert.match(broken[0]?.reason ?? '', /changed while it was read/);
  assert.match(broken[1]?.reason ?? '', /not there/);
  assert.equal(count, 58);
});

test('what the listener throws ends the packing, at once or later', async (t) => {
  const { pictures, out } = folders(t);
  await writePictures(pictures, ['1.png', '2.png']);
  for (const onProgress of [
    () => {
      throw new Error('enough');
    },
    async () => {
      throw new Error('enough');
    },
  ]) {
    await assert.rejects(packSmall(pictures, out, { onProgress }), { message: 'enough' });
  }
});

test('a folder without a picture that can be read is an error, and leaves no file', async (t) => {
  const { pictures, out } = folders(t);
  await writeFiles(pictures, { 'a.png': 'no picture', 'b.txt': 'text' });
  const { message } = await failure(packSmall(pictures, out), 'ERR_MOCO_DATA');
  assert.match(message, /none of 1 files can be read as a picture\n {2}a\.png: its content/);
  await assert.rejects(stat(out));
});

test('a name that does not end in .moco is refused, so that nothing else is replaced', async (t) => {
  const { pictures } = folders(t);
  await writePictures(pictures, ['1.png']);
  const packing = packSmall(pictures, join(pictures, '1.png'));
  assert.match((await failure(packing, 'ERR_MOCO_CONFIG')).hint ?? '', /ends in \.moco/);
});

/** Changes a byte of a file. */
async function change(path: string, at: number): Promise<void> {
  await using file = await open(path, 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.of(buffer.readUInt8() ^ 1), 0, 1, at);
}

test('the check of a packed file names the pictures of damaged blocks', async (t) => {
  const { pictures, out } = folders(t);
  await writeLarge(pictures, 5);
  await packRest(pictures, out);
  assert.equal((await checkPictures(out)).intact, true);
  const { pixels, meta } = await openPacked(out);
  await change(out, pixels.offset + 3 * SIDE * SIDE * meta.block + 17);
  const { intact, damaged, blocks } = await checkPictures(out);
  assert.deepEqual([intact, blocks, damaged.length], [false, Math.ceil(5 / meta.block), 1]);
  const names = ['0.png', '1.png', '2.png', '3.png', '4.png'];
  const [first, end] = [meta.block, Math.min(5, 2 * meta.block)];
  assert.deepEqual(damaged[0], { first, end, names: names.slice(first, end) });
});

test('a damaged header or list is an error that says what to do', async (t) => {
  const { pictures, out } = folders(t);
  await writePictures(pictures, ['1.png', '2.png']);
  await packSmall(pictures, out);
  const whole = await readFile(out);
  for (const [at, message] of [
    [whole.indexOf('cover'), /header is damaged/],
    [whole.length - 1, /its tensor "classes" is damaged/],
  ] as const) {
    await change(out, at);
    const error = await failure(openPacked(out), 'ERR_MOCO_DATA');
    assert.match(error.message, message);
    assert.match(`${error.hint}`, /moco data pack/);
    await writeFile(out, whole);
  }
});

test('any other file is told to be no packed file', async (t) => {
  const { folder } = folders(t);
  for (const [name, content] of Object.entries({
    ...{ 'empty.moco': '', 'short.moco': 'abc', 'text.csv': 'file,label\n' },
    'model.safetensors': safetensors({}),
    'picture.png': await pngOf(4, 4, 0),
  })) {
    await writeFiles(folder, { [name]: content });
    const { message } = await failure(openPacked(join(folder, name)), 'ERR_MOCO_DATA');
    assert.equal(message, `${join(folder, name)}: it is no packed file of pictures`);
  }
});

test('a packed file is a data set whose pixels stay in the file', async (t) => {
  const { pictures, out } = folders(t);
  const names = ['test/a/1.png', 'test/b/2.png', 'train/a/3.png', 'train/b/4.png', 'train/b/5.png'];
  await writePictures(pictures, names);
  await writeFiles(pictures, { 'train/b/6.png': 'no picture' });
  const rules = { labels: 'folders', storedSize: 16, imageSize: 14 };
  await packPictures([pictures], out, rules);
  const packed = await openPacked(out);
  const { train, test, classes, cropShare, notices } = datasetOf(packed);
  assert.deepEqual([train.count, test.count, train.width, classes], [3, 2, 16, ['a', 'b']]);
  assert.deepEqual(train.pixels, {
    ...{ path: out, offset: packed.pixels.offset, pictures: 5 },
    rows: Uint32Array.of(2, 3, 4),
  });
  assert.deepEqual(train.labels, Int32Array.of(0, 1, 1));
  assert.equal(cropShare, 14 / 16);
  assert.match(notices.join(), /1 files could not be read/);
  assert.deepEqual(datasetOf(packed, { trainLimit: 2 }).train.labels, Int32Array.of(0, 1));
});

test('where there are no test pictures, or none with labels, validation pictures are measured on', async (t) => {
  const { folder, pictures, out } = folders(t);
  await writePictures(pictures, ['train/a/1.png', 'train/b/2.png', 'val/a/3.png']);
  await packSmall(pictures, out, { labels: 'folders' });
  assert.equal(datasetOf(await openPacked(out)).test.count, 1);
  await writePictures(pictures, ['test/4.png', 'test/5.png']);
  await packSmall(pictures, join(folder, 'labelled.moco'), { labels: 'folders' });
  const { test: measured, notices } = datasetOf(await openPacked(join(folder, 'labelled.moco')));
  assert.deepEqual([measured.count, [...measured.labels]], [1, [0]]);
  assert.match(notices.join(), /since only they have labels/);
});

test('a packing whose lock another process has taken over writes nothing more', async (t) => {
  const { pictures, out } = folders(t);
  await writeLarge(pictures, COUNT);
  const packing = packPictures([pictures], out, {
    storedSize: SIDE,
    onProgress: async () => await writeFile(`${out}.lock`, 'of another process'),
  });
  assert.match((await failure(packing, 'ERR_MOCO_OUTPUT')).message, /another process took over/);
  assert.ok(!existsSync(out));
});

test('the signal ends the reading of a folder, too', async (t) => {
  const { pictures } = folders(t);
  await writeLarge(pictures, COUNT);
  const controller = new AbortController();
  const reading = inspectPictures([pictures], {
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  assert.match((await failure(reading, 'ERR_MOCO_ABORTED')).message, /reading .* was stopped/);
});
