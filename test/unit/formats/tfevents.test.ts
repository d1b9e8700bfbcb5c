import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EventFile } from '#moco/formats/tfevents.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const folder = temporaryFolder();

/** CRC-32C, bit by bit from its definition (polynomial 0x1EDC6F41, reflected), masked as in TFRecord. */
function maskedCrc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function records(file: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    assert.equal(file.readUInt32LE(at + 8), maskedCrc32c(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    assert.equal(file.readUInt32LE(at + 12 + length), maskedCrc32c(data));
    found.push(data);
    at += 16 + length;
  }
  return found;
}

type Fields = Map<number, (number | Buffer)[]>;

/** The fields of a protobuf message by number: numbers for varints, else bytes. */
function fields(message: Buffer): Fields {
  const found: Fields = new Map();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++] as number;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  const bytes = (length: number) => {
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const key = varint();
    const kind = key & 7;
    const value = kind === 0 ? varint() : bytes(kind === 1 ? 8 : kind === 5 ? 4 : varint());
    const number = key >>> 3;
    found.set(number, [...(found.get(number) ?? []), value]);
  }
  return found;
}

const only = (message: Fields, number: number) => {
  assert.equal(message.get(number)?.length, 1);
  return message.get(number)?.[0] as Buffer & number;
};

test('an event file holds what TensorBoard reads: version, then scalars with step and time', async () => {
  const file = await EventFile.create(folder, 1_700_000_000.25);
  await file.append([
    { step: 1, wallTime: 1_700_000_001.5, values: { 'train/loss': 7.25, 'knn/top1': -0.5 } },
    { step: 2 ** 40, wallTime: 1_700_000_002, values: { 'train/loss': Number.NaN } },
  ]);
  await file.flush();
  await file.append([{ step: 0, wallTime: 1_700_000_003, values: { 'a/b': 1 } }]);
  await file.close();

  assert.deepEqual(await readdir(folder), [`events.out.tfevents.1700000000.${hostname()}`]);
  const [name] = await readdir(folder);
  const events = records(await readFile(join(folder, name as string))).map(fields);
  assert.equal(events.length, 4);
  const [version, first, second, third] = events as [Fields, Fields, Fields, Fields];
  assert.equal(only(version, 1).readDoubleLE(), 1_700_000_000.25);
  assert.equal(only(version, 3).toString(), 'brain.Event:2');

  assert.equal(only(first, 1).readDoubleLE(), 1_700_000_001.5);
  assert.equal(only(first, 2), 1);
  const values = (fields(only(first, 5)).get(1) as Buffer[]).map(fields);
  assert.deepEqual(
    values.map((value) => [only(value, 1).toString(), only(value, 2).readFloatLE()]),
    [
      ['train/loss', 7.25],
      ['knn/top1', -0.5],
    ],
  );
  assert.equal(only(second, 2), 2 ** 40);
  const [value] = (fields(only(second, 5)).get(1) as Buffer[]).map(fields);
  assert.ok(Number.isNaN(only(value as Fields, 2).readFloatLE()));
  assert.ok([undefined, 0].includes(third.get(2)?.[0] as number | undefined));
});
