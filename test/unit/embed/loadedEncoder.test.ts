import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EncoderDescription, PictureInput } from '#moco/embed/encoder.js';
import { LoadedEncoder } from '#moco/embed/loadedEncoder.js';
import { DOUBLE_SIDE, NativeEncoderDouble } from '../../support/nativeEncoderDouble.js';

/** A picture whose row is `[number, number + 0.5]`. */
function picture(number: number): PictureInput {
  const data = new Uint8Array(DOUBLE_SIDE ** 2 * 3);
  data[0] = number;
  return { data, width: DOUBLE_SIDE, height: DOUBLE_SIDE, channels: 3 };
}

const numbers = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => first + index);

const rowsOf = (first: number, count: number) =>
  Float32Array.from(numbers(first, count).flatMap((number) => [number, number + 0.5]));

/** Not finite, by what the double makes of it. */
const NOT_FINITE = picture(255);

function encoderOn(native: NativeEncoderDouble, maxQueue = 8): LoadedEncoder {
  const { featureLength, projectionLength, ...description } = native.description;
  const input = { imageSize: 2, cropShare: 1, mean: [0, 0, 0], std: [1, 1, 1] } as const;
  const described: EncoderDescription = {
    ...{ ...description, maxQueue, batchInvariant: false, notices: [] },
    ...{ mocoVersion: '1', libtorchVersion: '2' },
    model: { path: 'model.pth', arch: 'resnet18', width: 1, stem: 'cifar', input },
    dims: { features: featureLength, projection: projectionLength || undefined },
  };
  return new LoadedEncoder(native, described);
}

test('rows come in the order of the pictures, from groups that are computed one by one', async () => {
  const native = new NativeEncoderDouble();
  const encoder = encoderOn(native);
  const pictures = numbers(0, 11).map(picture);
  const { dims, data } = await encoder.embed(pictures);
  assert.deepEqual(dims, [11, 2]);
  assert.deepEqual(data, rowsOf(0, 11));
  assert.deepEqual(
    native.requests.map(({ count }) => count),
    [4, 4, 3],
  );
  assert.deepEqual((await encoder.embed(picture(7))).data, rowsOf(7, 1));
  assert.deepEqual(await encoder.embed([]), { dims: [0, 2], data: new Float32Array() });
});

test('what is asked for reaches the addon, and decides about length and type', async () => {
  const native = new NativeEncoderDouble();
  const encoder = encoderOn(native);
  const options = { output: 'projection', normalize: true, dtype: 'fp16' } as const;
  const { dims, data } = await encoder.embed([picture(3), picture(4)], options);
  assert.deepEqual(dims, [2, 3]);
  assert.deepEqual(data, Uint16Array.from([3, 3, 1, 4, 4, 1]));
});

test('a model without a head has no projection', async () => {
  const encoder = encoderOn(new NativeEncoderDouble(0));
  await assert.rejects(encoder.embed(picture(1), { output: 'projection' }), {
    code: 'ERR_MOCO_CONFIG',
    message: 'model.pth has no projection head',
  });
});

test('wrong arguments are named with their place', async () => {
  const encoder = encoderOn(new NativeEncoderDouble());
  const wrong = [picture(1), 7] as PictureInput[];
  await assert.rejects(
    encoder.embed(wrong, { dtype: 'fp64', normalise: true } as object),
    (error) => {
      assert.match(String(error), /pictures\.1: expected a path, .* given 7/);
      assert.match(String(error), /options\.dtype: expected one of fp32, fp16/);
      assert.match(String(error), /options\.normalise: unknown option; the nearest known one is/);
      return true;
    },
  );
});

test('a picture that cannot be read is named, and ends its call alone', async () => {
  const native = new NativeEncoderDouble();
  const encoder = encoderOn(native, 100);
  const bad = [...numbers(0, 9).map(picture), '/nowhere/a.jpg', ...numbers(9, 60).map(picture)];
  const others = [encoder.embed(picture(1)), encoder.embed(numbers(2, 6).map(picture))] as const;
  await assert.rejects(encoder.embed(bad), {
    code: 'ERR_MOCO_DATA',
    message: 'picture 9 (/nowhere/a.jpg): it is not there, or a link that leads nowhere',
  });
  const asked = native.requests.length;
  assert.deepEqual((await others[0]).data, rowsOf(1, 1));
  assert.deepEqual((await others[1]).data, rowsOf(2, 6));
  assert.ok(native.requests.length - asked <= 2, 'the rest of the call was computed nevertheless');
  assert.equal(encoder.statistics().admitted, 0);
});

test('features that are not finite end their call alone', async () => {
  const encoder = encoderOn(new NativeEncoderDouble());
  const other = encoder.embed(picture(5));
  await assert.rejects(encoder.embed([picture(1), NOT_FINITE]), { code: 'ERR_MOCO_NON_FINITE' });
  assert.deepEqual((await other).data, rowsOf(5, 1));
});

test('a call that finds the queue full waits its turn, and no picture is lost', async () => {
  const native = new NativeEncoderDouble();
  native.holding = true;
  const encoder = encoderOn(native, 8);
  const calls = numbers(0, 30).map((first) => encoder.embed(numbers(first, 3).map(picture)));
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  const { admitted, heldBack } = encoder.statistics();
  assert.deepEqual({ admitted, heldBack }, { admitted: 6, heldBack: 84 });
  native.holding = false;
  for (const [first, call] of calls.entries()) {
    assert.deepEqual((await call).data, rowsOf(first, 3));
  }
  assert.deepEqual(encoder.statistics().admitted, 0);
});

test('a call of thousands has but a few groups in hand, and another one gets in between', async () => {
  const native = new NativeEncoderDouble();
  native.holding = true;
  const encoder = encoderOn(native, 100);
  const large = encoder.embed(numbers(0, 240).map(picture));
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  assert.equal(encoder.statistics().admitted, 12);
  const small = encoder.embed(picture(9));
  native.holding = false;
  await small;
  assert.ok(native.requests.length < 12, `${native.requests.length} groups came before it`);
  assert.deepEqual((await large).data, rowsOf(0, 240));
});

test('the signal ends a call at each of its moments, and frees its places', async () => {
  const abort = async (
    prepare: (native: NativeEncoderDouble) => Promise<unknown>,
    turns: number,
  ) => {
    const native = new NativeEncoderDouble();
    native.holding = true;
    const encoder = encoderOn(native, 4);
    await prepare(native);
    const before = turns > 5 ? [encoder.embed(numbers(0, 4).map(picture))] : []; // it fills the queue
    const controller = new AbortController();
    const call = encoder.embed([picture(1), picture(2)], { signal: controller.signal });
    for (let turn = 0; turn < turns; turn++) await nextTurn();
    controller.abort(new Error('enough'));
    await assert.rejects(call, (error: Error & { code?: string }) => {
      assert.equal(error.code, 'ERR_MOCO_ABORTED');
      assert.equal((error.cause as Error).message, 'enough');
      return true;
    });
    assert.equal(encoder.statistics().heldBack, 0);
    assert.equal(encoder.statistics().admitted, before.length * 4);
    native.holding = false;
    await Promise.all(before);
    assert.deepEqual((await encoder.embed(picture(3))).data, rowsOf(3, 1));
    return native;
  };
  const nothing = async () => {};
  await abort(nothing, 0);
  const computing = await abort(nothing, 4);
  assert.deepEqual(computing.cancelled, [1]);
  await abort(nothing, 8); // waiting for a place
  const encoder = encoderOn(new NativeEncoderDouble());
  await assert.rejects(encoder.embed(picture(1), { signal: AbortSignal.abort() }), {
    code: 'ERR_MOCO_ABORTED',
  });
});

test('a call that has ended leaves nothing with its signal', async () => {
  const encoder = encoderOn(new NativeEncoderDouble());
  const listeners = new Set<unknown>();
  const signal = {
    aborted: false,
    addEventListener: (_: string, listener: unknown) => void listeners.add(listener),
    removeEventListener: (_: string, listener: unknown) => void listeners.delete(listener),
  } as unknown as AbortSignal;
  await encoder.embed(picture(1), { signal });
  await assert.rejects(encoder.embed([NOT_FINITE], { signal }));
  assert.equal(listeners.size, 0);
});

test('disposal ends what runs and waits, and what comes after it', async () => {
  const native = new NativeEncoderDouble();
  native.holding = true;
  const encoder = encoderOn(native, 4);
  const calls = numbers(0, 3).map((first) => encoder.embed(numbers(first, 4).map(picture)));
  for (let turn = 0; turn < 4; turn++) await nextTurn();
  const disposal = encoder.dispose();
  for (const call of calls) await assert.rejects(call, { code: 'ERR_MOCO_DISPOSED' });
  await disposal;
  assert.ok(native.isDisposed);
  assert.equal(encoder.dispose(), disposal);
  await assert.rejects(encoder.embed(picture(1)), { code: 'ERR_MOCO_DISPOSED' });
  await assert.rejects(encoder.embedPixels([]), { code: 'ERR_MOCO_DISPOSED' });
});

test('pixels of many pictures are embedded as they come', async () => {
  const native = new NativeEncoderDouble();
  const encoder = encoderOn(native);
  const bytes = (number: number) => (picture(number) as { data: Uint8Array }).data;
  const both = Buffer.concat([bytes(1), bytes(2)]);
  const { dims, data } = await encoder.embedPixels([both, bytes(3)]);
  assert.deepEqual(dims, [3, 2]);
  assert.deepEqual(data, rowsOf(1, 3));
  assert.deepEqual((await encoder.embedPixels([], { dtype: 'fp16' })).data, new Uint16Array());
});
