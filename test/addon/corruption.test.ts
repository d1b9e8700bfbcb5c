import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { MocoError } from '#moco/error.js';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import type { StoredTensor } from '#moco/formats/tensorFile.js';
import { convertModel } from '#moco/model/convertModel.js';
import { checkpointPaths, findCheckpoint } from '#moco/train/checkpoint.js';
import { type Bit, randomBit, withFlippedBit } from '../support/flippedBits.js';
import { executable } from '../support/moco.js';
import { describeTensors, modelFile, pickleOf } from '../support/modelFiles.js';
import { Dice, mutated } from '../support/mutations.js';
import { safetensors } from '../support/safetensorsFile.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { zip } from '../support/zipFile.js';

/** Resident memory that all of this may take, LibTorch and Node included. */
const MAX_MEMORY = 2 ** 30;

const folder = temporaryFolder();
let output: string;
/** The directory of a run, with a trained model and two checkpoints. */
let run: string;
before(async () => {
  await mkdir(join(folder, 'out'));
  output = join(folder, 'out', 'model.pth');
  run = trainedRun();
});

/** The directory of a short run of another process, whose memory does not count here. */
function trainedRun(): string {
  const pictures = ['--dataset', 'shapes', '--train-limit', '8', '--test-limit', '4'];
  const recipe = ['--arch', 'resnet18', '--m', '8', '--k', '2', '--batch-size', '8'];
  const where = ['--epochs', '1', '--device', 'cpu', '--threads', '1', '--out', folder];
  const words = [executable, 'train', ...pictures, ...recipe, ...where];
  const child = spawnSync(process.execPath, words, { encoding: 'utf8' });
  assert.equal(child.status, 0, child.stderr);
  return join(folder, '128_8_0.5_0.999_2_8_1'); // dim, m, temperature, momentum, k, batch, epochs
}

/** The tensors of a file as TypeScript reads them, without the addon. */
async function contentOf(path: string) {
  const { tensors } = await readTensorFile(path);
  return describeTensors(tensors, await readFile(path));
}

/** Converts a file through the addon: what came out, or the error, which leaves nothing behind. */
async function convert(path: string): Promise<Awaited<ReturnType<typeof contentOf>> | MocoError> {
  const error = await convertModel(path, output, { force: true }).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (error === undefined) {
    const content = await contentOf(output);
    await rm(output);
    return content;
  }
  if (!(error instanceof MocoError)) throw error;
  assert.equal(error.code, 'ERR_MOCO_CHECKPOINT', error.message);
  assert.ok(error.message.includes(path), error.message);
  assert.deepEqual(await readdir(join(folder, 'out')), []);
  return error;
}

/** A small file that moco wrote. */
async function written(source: string, format: string): Promise<string> {
  const path = join(folder, `${source}.${format}`);
  await convertModel(modelFile(`${source}.pth`), path, { force: true });
  return path;
}

/** Makes sure that the addon finds a flipped bit, and names the tensor. */
function findsFlippedBit(path: string, place: Bit, { name }: StoredTensor): Promise<void> {
  return withFlippedBit(path, place, async () => {
    const found = await convert(path);
    assert.ok(found instanceof MocoError, `bit ${place.bit} of byte ${place.byte} went unseen`);
    const problem = `tensor ${name} is damaged: its checksum is wrong`;
    assert.equal(found.message, `cannot read ${path}: ${problem}`);
  });
}

for (const format of ['pth', 'safetensors']) {
  for (const source of ['dtypes', 'views', 'state_dict', 'nested', 'checkpoint']) {
    test(`150 mutations of a ${format} of moco (${source}) are refused, or change no tensor`, async () => {
      const path = await written(source, format);
      const original = await readFile(path);
      const expected = await contentOf(path);
      const dice = new Dice(1);
      for (let count = 0; count < 150; count++) {
        await writeFile(path, mutated(original, dice));
        const found = await convert(path);
        if (!(found instanceof MocoError)) assert.deepEqual(found, expected);
      }
    });
  }

  test(`every flipped bit in a tensor of a ${format} of moco is found`, async () => {
    const path = await written('dtypes', format);
    for (const tensor of (await readTensorFile(path)).tensors) {
      const { offset, bytes } = tensor.storage;
      for (let at = 0; at < 8 * bytes; at++) {
        await findsFlippedBit(path, { byte: offset + (at >> 3), bit: at & 7 }, tensor);
      }
    }
  });
}

/** Content without checksums, or with right ones, that somebody changed. */
const UNCHECKED: Record<string, (dice: Dice) => Promise<Buffer>> = {
  'an old .pth': async (dice) => mutated(await readFile(modelFile('dtypes_legacy.pth')), dice),
  "an old .pth's views": async (dice) =>
    mutated(await readFile(modelFile('views_legacy.pth')), dice),
  'safetensors of others': async (dice) => mutated(pythonSafetensors(), dice),
  'a pickle in a .pth': (dice) => withMutatedPickle('dtypes.pth', dice),
  'a pickle of views in a .pth': (dice) => withMutatedPickle('views.pth', dice),
};

/** A safetensors file as Python writes it, without checksums. */
function pythonSafetensors(): Buffer {
  const data = Buffer.from(Array.from({ length: 64 }, (_, i) => 37 * i));
  const tensors = {
    __metadata__: { format: 'pt' },
    wide: { dtype: 'I64', shape: [2, 1], data_offsets: [0, 16] },
    weight: { dtype: 'F32', shape: [2, 2, 2], data_offsets: [16, 48] },
    half: { dtype: 'BF16', shape: [7], data_offsets: [48, 62] },
    scalar: { dtype: 'U8', shape: [], data_offsets: [62, 63] },
    flag: { dtype: 'BOOL', shape: [1], data_offsets: [63, 64] },
  };
  return safetensors(tensors, data);
}

/** A `.pth` with a mutated pickle and everything else, checksums included, right. */
async function withMutatedPickle(name: string, dice: Dice): Promise<Buffer> {
  const path = modelFile(name);
  const content = await readFile(path);
  const { tensors } = await readTensorFile(path);
  const storages = [...new Set(tensors.map(({ storage }) => storage))];
  return zip([
    { name: 'archive/data.pkl', data: mutated(pickleOf(content), dice) },
    ...storages.map(({ offset, bytes }, key) => ({
      name: `archive/data/${key}`,
      data: content.subarray(offset, offset + bytes),
    })),
  ]);
}

for (const [title, make] of Object.entries(UNCHECKED)) {
  test(`300 mutations of ${title} are refused, or copied as they say`, async () => {
    const path = join(folder, 'unchecked');
    const dice = new Dice(2);
    let copied = 0;
    for (let count = 0; count < 300; count++) {
      await writeFile(path, await make(dice));
      const found = await convert(path);
      if (found instanceof MocoError) continue;
      assert.deepEqual(found, await contentOf(path));
      copied++;
    }
    assert.ok(copied > 0 && copied < 300, `${copied} of 300 were copied`);
  });
}

test('a flipped bit in a tensor of a trained model is found, and the tensor named', async () => {
  const dice = new Dice(3);
  const trained = join(run, 'last_model.pth');
  const converted = join(folder, 'model.safetensors');
  await convertModel(trained, converted);
  for (const path of [trained, converted]) {
    const { tensors } = await readTensorFile(path);
    assert.equal(tensors.length, 128);
    for (let count = 0; count < 60; count++) {
      const tensor = dice.of(tensors);
      await findsFlippedBit(path, randomBit(tensor, dice), tensor);
    }
  }
});

test('a flipped bit in the header of a checkpoint is found, and the one before is taken', async () => {
  const dice = new Dice(4);
  const { newest, previous } = checkpointPaths(run);
  const refused = { name: 'MocoError', code: 'ERR_MOCO_CHECKPOINT' };
  const refuses = () => assert.rejects(findCheckpoint(newest), refused);
  const { tensors, size } = await readTensorFile(newest);
  const header = Math.min(...tensors.map(({ storage }) => storage.offset));
  for (let count = 0; count < 500; count++) {
    await withFlippedBit(newest, { byte: dice.below(header), bit: dice.below(8) }, refuses);
  }
  await truncate(newest, dice.below(size));
  await refuses();
  const { checkpoint, notices } = await findCheckpoint(run);
  assert.equal(checkpoint.path, previous);
  assert.equal(notices.length, 1);
});

test('none of this took much memory', () => {
  assert.ok(process.resourceUsage().maxRSS * 1024 < MAX_MEMORY);
});
