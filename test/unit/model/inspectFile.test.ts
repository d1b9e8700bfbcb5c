import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { MocoError } from '#moco/error.js';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import { REFERENCE_HEAD } from '#moco/model/headLayout.js';
import { inspectFile } from '#moco/model/inspectFile.js';
import { modelFile } from '../../support/modelFiles.js';
import { encoderLayout } from '../../support/resnetLayout.js';
import { hex, mocoHeader, safetensors, writeZeros } from '../../support/safetensorsFile.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';
import { zip } from '../../support/zipFile.js';

const folder = temporaryFolder();

async function write(content: Buffer, name = 'file'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** A checkpoint as moco writes it: two tensors of four bytes, and what it says of the run. */
function checkpoint(run: object): Buffer {
  const data = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]);
  const checksums = {
    'query.f.0.weight': hex(crc32(data.subarray(0, 4))),
    queue: hex(crc32(data.subarray(4))),
  };
  const tensors = {
    'query.f.0.weight': { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
    queue: { dtype: 'F32', shape: [1], data_offsets: [4, 8] },
  };
  const texts = {
    format: 'moco-checkpoint',
    checksums: JSON.stringify(checksums),
    run: JSON.stringify(run),
  };
  return safetensors(mocoHeader(texts, tensors), data);
}

const RUN = {
  epoch: 3,
  step: 7,
  mocoVersion: '0.1.0',
  config: { arch: 'resnet18', m: 1024 },
  results: [
    { epoch: 1, trainLoss: 6.5, top1: 30, top5: 70 },
    { epoch: 2, trainLoss: 6, top1: 45, top5: 80 },
    { epoch: 3, trainLoss: 5.5, top1: 40, top5: 85 },
  ],
  best: { epoch: 2 },
  rngState: 'kept, and not shown',
};

test('a model file tells its kind, architecture and size', async () => {
  const path = join(folder, 'encoder.safetensors');
  await writeZeros(path, encoderLayout('resnet50'));
  assert.deepEqual(await inspectFile(path), {
    path,
    format: 'safetensors',
    size: (await readTensorFile(path)).size,
    kind: 'encoder',
    prefix: '',
    architecture: {
      ...{ arch: 'resnet50', stem: 'cifar', width: 1 },
      ...{ featureDim: 128, head: REFERENCE_HEAD },
    },
    tensors: 326,
    parameters: 24_615_616, // what PyTorch counts
    leftOut: [],
    nonFinite: [],
    opaque: [],
    notes: [],
    misfit: undefined,
    metrics: undefined,
    checksums: { tensors: 326, verified: 0 },
  });
});

test('a checkpoint of moco tells epoch, step, configuration, last and best results', async () => {
  const inspection = await inspectFile(await write(checkpoint(RUN)));
  const { kind, epoch, step, config, metrics, leftOut, checksums } = inspection;
  assert.equal(kind, 'checkpoint');
  assert.deepEqual([epoch, step, config], [3, 7, RUN.config]);
  assert.deepEqual(metrics, { last: RUN.results[2], best: RUN.results[1] });
  assert.deepEqual(leftOut, [{ name: 'queue', tensors: 1 }]);
  assert.deepEqual(checksums, { tensors: 2, verified: 2 });
});

test("a .pth of moco tells what its own record says; another's, the epoch in it", async () => {
  const description = {
    format: 'moco-model',
    mocoVersion: '0.1.0',
    arch: 'resnet18',
    featureDim: 128,
    epoch: 9,
    metrics: { top1: 56.8, top5: 96.2 },
    config: { m: 1024 },
  };
  const own = await inspectFile(await write(await withRecord(JSON.stringify(description))));
  assert.deepEqual([own.epoch, own.mocoVersion, own.config], [9, '0.1.0', { m: 1024 }]);
  assert.deepEqual(own.metrics?.best, { top1: 56.8, top5: 96.2 });
  const official = await inspectFile(modelFile('checkpoint.pth'));
  assert.deepEqual([official.epoch, official.metrics], [200, undefined]);
});

test('a record that moco would not write is not shown, and the tensors are read', async () => {
  const deep = `{"m":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  const nested = `{"format":"moco-model","mocoVersion":"0.1.0","epoch":1,"config":${deep}}`;
  for (const record of ['', '{', '[]', '{"format":"moco-model","epoch":-1}', nested]) {
    const inspection = await inspectFile(await write(await withRecord(record)));
    assert.deepEqual([inspection.epoch, inspection.tensors], [undefined, 1]);
  }
});

/** A `.pth` with one tensor of one float and a record `moco.json`. */
async function withRecord(text: string): Promise<Buffer> {
  const pickle = [
    ...['\x80\x02}X\x01\x00\x00\x00a', 'ctorch._utils\n_rebuild_tensor_v2\n'],
    ...[
      '((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ',
    ],
    ...['K\x00K\x01\x85K\x01\x85\x89', 'ccollections\nOrderedDict\n)RtRs.'],
  ].join('');
  return zip([
    { name: 'a/data.pkl', data: Buffer.from(pickle, 'latin1') },
    { name: 'a/data/0', data: Buffer.alloc(4) },
    { name: 'a/moco.json', data: Buffer.from(text) },
  ]);
}

for (const name of ['views.pth', 'dtypes.pth']) {
  test(`a flipped bit in any byte of a tensor of ${name} is found, and the tensor named`, async () => {
    const content = await readFile(modelFile(name));
    const { tensors } = await readTensorFile(modelFile(name));
    for (const { storage } of new Map(tensors.map((tensor) => [tensor.storage, tensor])).values()) {
      for (let byte = 0; byte < storage.bytes; byte++) {
        const damaged = await write(flipped(content, storage.offset + byte));
        const error = await inspectFile(damaged).catch((error: unknown) => error);
        assert.ok(error instanceof MocoError && error.code === 'ERR_MOCO_CHECKPOINT');
        const views = tensors.filter((tensor) => tensor.storage === storage);
        assert.ok(
          error.message.includes(`checksum of ${views.length} of ${tensors.length} tensors`),
        );
        assert.ok(error.message.includes(`"${views[0]?.name}"`));
      }
    }
  });
}

test('a flipped bit in any byte of a checkpoint of moco is found', async () => {
  const content = checkpoint(RUN);
  for (let byte = 0; byte < content.length; byte++) {
    const damaged = await write(flipped(content, byte));
    await assert.rejects(inspectFile(damaged), { code: 'ERR_MOCO_CHECKPOINT' });
  }
});

/** The content with one bit of one byte flipped; which of its bits depends on the byte. */
function flipped(content: Buffer, byte: number): Buffer {
  const damaged = Buffer.from(content);
  damaged.writeUInt8(damaged.readUInt8(byte) ^ (1 << (byte % 8)), byte);
  return damaged;
}

test('a signal ends the comparison of checksums', async () => {
  const path = await write(checkpoint(RUN));
  const controller = new AbortController();
  const { signal } = controller;
  const running = inspectFile(path, { signal });
  controller.abort();
  await assert.rejects(running, { code: 'ERR_MOCO_ABORTED' });
});
