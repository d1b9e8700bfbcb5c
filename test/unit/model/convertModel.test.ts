import assert from 'node:assert/strict';
import { link, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type ConvertOptions, convertWith } from '#moco/model/convertModel.js';
import type { NativeAddon } from '#moco/native/addon.js';
import { linear, renamed, shortcutName, torchvisionName } from '../../support/familyNames.js';
import { modelFile } from '../../support/modelFiles.js';
import { backboneOf, encoderLayout, prefixed } from '../../support/resnetLayout.js';
import { mocoHeader, safetensors, writeZeros } from '../../support/safetensorsFile.js';
import { pth } from '../../support/zipFile.js';

type Call = Parameters<NativeAddon['convertTensors']>;

let folder: string;
let calls: Call[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moco-convert-'));
  calls = [];
});
afterEach(() => rm(folder, { recursive: true }));

/** Stands in for the addon: notes what it is asked for, and fails if so told. */
const addon = (failure?: Error) => ({
  convertTensors: async (...call: Call) => {
    calls.push(call);
    if (failure !== undefined) throw failure;
  },
});

const convert = (input: string, output: string, options: ConvertOptions = {}) =>
  convertWith(() => addon(), input, output, options);

for (const [ending, format] of [
  ['.pth', 'pth'],
  ['.safetensors', 'safetensors'],
] as const) {
  test(`an output that ends in ${ending} is written as ${format}`, async () => {
    const input = modelFile('plain.pth');
    const output = join(folder, `out${ending}`);
    const conversion = await convert(input, output);
    const [[source, target]] = calls as [Call];
    assert.equal(source.path, input);
    assert.deepEqual(
      source.tensors.map(({ name }) => name),
      ['a', 'b'],
    );
    assert.deepEqual(target, { path: output, format, description: '', replaces: false });
    const nothing = { leftOut: [], valuesLeftOut: [], opaque: [], notes: [] };
    const { misfit, ...converted } = conversion;
    assert.deepEqual(converted, { output, format, tensors: 2, ...nothing });
    assert.match(`${misfit}`, /its tensors are "a", "b" …$/);
  });
}

test("an encoder's tensors get the reference's names, and what is left out is told", async () => {
  const input = join(folder, 'in.safetensors');
  const encoder = encoderLayout('resnet18');
  const queue = { name: 'module.queue', shape: [2] };
  await writeZeros(input, [...prefixed('module.encoder_q.', encoder), queue]);
  const { leftOut } = await convert(input, join(folder, 'out.pth'));
  assert.deepEqual(
    calls[0]?.[0].tensors.map(({ name }) => name),
    encoder.map(({ name }) => name),
  );
  assert.deepEqual(leftOut, [{ name: 'queue', tensors: 1 }]);
});

/** The names of the tensors that the addon was last asked to write. */
const writtenNames = () => calls.at(-1)?.[0].tensors.map(({ name }) => name);

test("torchvision's names are given if so asked, to the backbone only", async () => {
  const input = join(folder, 'in.safetensors');
  const encoder = encoderLayout('resnet50');
  await writeZeros(input, encoder);
  await convert(input, join(folder, 'out.pth'), { names: 'torchvision' });
  const heads = encoder.filter(({ name }) => name.startsWith('g.'));
  const expected = [...renamed(backboneOf(encoder), '', torchvisionName), ...heads];
  assert.deepEqual(
    writtenNames(),
    expected.map(({ name }) => name),
  );
});

for (const names of ['reference', 'torchvision'] as const) {
  test(`of a network for CIFAR, shortcuts get the names of ${names}`, async () => {
    const input = join(folder, 'in.safetensors');
    const backbone = backboneOf(encoderLayout('resnet18'));
    await writeZeros(input, renamed(backbone, 'net.', shortcutName));
    const { notes } = await convert(input, join(folder, 'out.pth'), { names });
    const name = (reference: string) =>
      names === 'reference' ? reference : torchvisionName(reference);
    assert.deepEqual(
      writtenNames(),
      backbone.map((tensor) => name(tensor.name)),
    );
    assert.equal(notes.length, 1);
  });
}

test("a file of moco's own keeps its heads under torchvision's names, and gets the reference's again", async () => {
  const input = join(folder, 'in.safetensors');
  const linearModel = [...backboneOf(encoderLayout('resnet18')), ...linear('fc', 512, 10)];
  const named = linearModel.map((tensor) => {
    const { name } = tensor;
    return { ...tensor, name: name.startsWith('f.') ? torchvisionName(name) : name };
  });
  await writeZeros(input, named);
  assert.deepEqual((await convert(input, join(folder, 'out.pth'))).leftOut, [
    { name: 'fc', tensors: 2 },
  ]);
  await writeZeros(input, named, (tensors) => {
    return { __metadata__: { 'moco.json': '{}' }, ...tensors };
  });
  const { leftOut, notes } = await convert(input, join(folder, 'out.pth'), { force: true });
  assert.deepEqual([leftOut, notes], [[], []]);
  assert.deepEqual(
    writtenNames(),
    linearModel.map(({ name }) => name),
  );
});

test("the projection head beside a backbone with torchvision's names is known by its shape", async () => {
  const input = join(folder, 'in.safetensors');
  const encoder = encoderLayout('resnet18', 64);
  const heads = encoder.filter(({ name }) => name.startsWith('g.'));
  const backbone = renamed(backboneOf(encoder), '', torchvisionName);
  await writeZeros(input, [...backbone, ...heads]);
  const { leftOut, notes } = await convert(input, join(folder, 'out.pth'));
  assert.deepEqual([leftOut, notes], [[], []]);
  assert.deepEqual(
    writtenNames(),
    encoder.map(({ name }) => name),
  );
  await writeZeros(input, [...backbone, ...linear('g.3', 7, 64)]);
  const { leftOut: other } = await convert(input, join(folder, 'out.pth'), { force: true });
  assert.deepEqual(other, [{ name: 'g', tensors: 2 }]);
});

test('the encoder under the prefix is converted', async () => {
  const input = join(folder, 'in.safetensors');
  const encoder = encoderLayout('resnet18');
  await writeZeros(input, [...prefixed('student.', encoder), ...prefixed('teacher.', encoder)]);
  const output = join(folder, 'out.pth');
  await assert.rejects(convert(input, output), { message: /holds several encoders/ });
  const { leftOut } = await convert(input, output, { prefix: 'teacher' });
  assert.deepEqual(leftOut, [{ name: 'student', tensors: encoder.length }]);
});

test('values beside the tensors are told as left out', async () => {
  const { valuesLeftOut } = await convert(modelFile('checkpoint.pth'), join(folder, 'out.pth'));
  assert.deepEqual(valuesLeftOut, ['epoch', 'arch']);
});

test('what a checkpoint says of its run goes with the model', async () => {
  const input = join(folder, 'checkpoint.safetensors');
  const results = [{ epoch: 1, trainLoss: 5, top1: 30, top5: 80 }];
  const run = { epoch: 1, step: 2, mocoVersion: '0.1.0', config: { m: 8 }, results };
  const texts = {
    format: 'moco-checkpoint',
    checksums: '{"query.a":"00000000"}',
    run: JSON.stringify(run),
  };
  const tensors = { 'query.a': { dtype: 'F32', shape: [0], data_offsets: [0, 0] } };
  await writeFile(input, safetensors(mocoHeader(texts, tensors)));
  await convert(input, join(folder, 'out.pth'));
  assert.deepEqual(JSON.parse(calls[0]?.[1].description ?? ''), {
    format: 'moco-model',
    mocoVersion: '0.1.0',
    epoch: 1,
    step: 2,
    metrics: results[0],
    config: { m: 8 },
  });
});

test('another ending is refused before anything is read', async () => {
  const output = join(folder, 'out.onnx');
  await assert.rejects(convert(join(folder, 'missing'), output), {
    code: 'ERR_MOCO_CONFIG',
    message: `output ${output}: expected a name that ends in .pth or .safetensors`,
  });
});

test('a file that is there is only replaced if so asked', async () => {
  const output = join(folder, 'out.pth');
  await writeFile(output, 'mine');
  await assert.rejects(convert(modelFile('plain.pth'), output), {
    code: 'ERR_MOCO_OUTPUT',
    message: `${output} exists already and was not changed`,
    hint: /--force/,
  });
  assert.equal(calls.length, 0);
  await convert(modelFile('plain.pth'), output, { force: true });
  assert.deepEqual(
    calls.map(([, { replaces }]) => replaces),
    [true],
  );
});

test('a file is never converted into itself, whatever the paths to it', async () => {
  const input = join(folder, 'in.pth');
  await writeFile(input, await readFile(modelFile('plain.pth')));
  await symlink(input, join(folder, 'symbolic.pth'));
  await link(input, join(folder, 'hard.pth'));
  for (const name of ['in.pth', 'symbolic.pth', 'hard.pth']) {
    await assert.rejects(convert(input, join(folder, name), { force: true }), {
      code: 'ERR_MOCO_CONFIG',
      message: /are the same file$/,
    });
  }
  assert.equal(calls.length, 0);
});

/** A pickle of `{"__metadata__": tensor}`; the tensor is a single float. */
const NAMED_METADATA = Buffer.from(
  '\x80\x02}X\x0c\x00\x00\x00__metadata__ctorch._utils\n_rebuild_tensor_v2\n(' +
    '(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ' +
    'K\x00))\x89NtRs.',
  'latin1',
);

test('a tensor in the place of the texts of safetensors is refused there, and goes to .pth', async () => {
  const input = join(folder, 'in.pth');
  await writeFile(input, pth(NAMED_METADATA, [4]));
  await assert.rejects(convert(input, join(folder, 'out.safetensors')), {
    code: 'ERR_MOCO_CHECKPOINT',
    message: `${input}: its tensor "__metadata__" has the one name that safetensors cannot hold`,
    hint: 'Convert it to .pth.',
  });
  assert.equal(calls.length, 0);
  await convert(input, join(folder, 'out.pth'));
});

test('a signal ends a conversion before anything is written', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const running = convert(modelFile('plain.pth'), join(folder, 'out.pth'), { signal });
  controller.abort();
  await assert.rejects(running, {
    code: 'ERR_MOCO_ABORTED',
    message: 'the conversion was stopped',
  });
  assert.equal(calls.length, 0);
});

test('a wrong input, and what fails in the addon, is an error with its code', async () => {
  await assert.rejects(convert(modelFile('bad_byteorder.pth'), join(folder, 'out.pth')), {
    code: 'ERR_MOCO_CHECKPOINT',
  });
  const failure = Object.assign(new Error('no space'), {
    code: 'ERR_MOCO_OUTPUT',
    hint: 'Free it',
  });
  const failing = convertWith(
    () => addon(failure),
    modelFile('plain.pth'),
    join(folder, 'out.pth'),
    {},
  );
  await assert.rejects(failing, { name: 'MocoError', code: 'ERR_MOCO_OUTPUT', hint: 'Free it' });
});
