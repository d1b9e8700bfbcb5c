import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { before, test } from 'node:test';
import { type ExportConfigInput, exportCommand } from '#moco/config/exportConfig.js';
import { parseConfig } from '#moco/config/resolve.js';
import { exportWith } from '#moco/export/exportModel.js';
import { exportAddon } from '../../support/exportAddon.js';
import { deviation, runOnnx } from '../../support/onnx.js';
import { randomBytes, writeRandomModel } from '../../support/randomModel.js';
import { backboneOf, encoderLayout, torchvisionLayout } from '../../support/resnetLayout.js';
import { writeZeros } from '../../support/safetensorsFile.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const SIDE = 36;
const INPUT = { imageSize: SIDE, mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.25] };
const pixels = Float32Array.from(randomBytes(2 * 3 * SIDE * SIDE), (byte) => byte / 64 - 2);

const folder = temporaryFolder();
const modelPath = join(folder, 'model.safetensors');
before(() => writeRandomModel(modelPath, encoderLayout('resnet18', 16)));

let exports = 0;
const nextFolder = () => join(folder, `export ${exports++}`);

/** Exports with a double in place of the addon. */
async function exported(config: ExportConfigInput, signal?: AbortSignal) {
  const complete = parseConfig(exportCommand, { modelPath, out: nextFolder(), ...config });
  const compare = async () => ({ reason: 'a double computes nothing' });
  return await exportWith({ loadAddon: () => exportAddon, compare }, complete, signal);
}

const withInput = (config: ExportConfigInput) => exported({ ...INPUT, ...config });

const json = async (path: string) => JSON.parse(await readFile(path, 'utf8'));

for (const [arch, stem] of [
  ['resnet18', 'cifar'],
  ['resnet34', 'imagenet'],
  ['resnet50', 'cifar'],
  ['resnet101', 'imagenet'],
] as const) {
  test(`a ${arch} with the ${stem} stem computes the same with and without folding`, async () => {
    const path = join(folder, `${arch} ${stem}.safetensors`);
    await writeRandomModel(path, encoderLayout(arch, 16, stem));
    const [folded, plain] = await Promise.all(
      [true, false].map(async (foldBatchNorm) => {
        const { model } = await withInput({ modelPath: path, foldBatchNorm });
        return await runOnnx(model, pixels, SIDE);
      }),
    );
    const width = arch === 'resnet18' || arch === 'resnet34' ? 512 : 2048;
    for (const outputs of [folded, plain]) {
      assert.deepEqual(outputs?.image_embeds?.dims, [2, width]);
      assert.deepEqual(outputs?.pooler_output, outputs?.image_embeds);
      assert.deepEqual(outputs?.projection?.dims, [2, 16]);
    }
    for (const name of ['image_embeds', 'projection']) {
      const [found, expected] = [folded?.[name]?.data, plain?.[name]?.data];
      assert.ok(deviation(found as Float32Array, expected as Float32Array) < 1e-5);
    }
  });
}

test('a model without a head has features only', async () => {
  const path = join(folder, 'backbone.safetensors');
  await writeRandomModel(path, backboneOf(encoderLayout('resnet18')));
  const { model, description } = await withInput({ modelPath: path });
  assert.equal(description.featureDim, undefined);
  const outputs = await runOnnx(model, pixels, SIDE);
  assert.deepEqual(Object.keys(outputs).sort(), ['image_embeds', 'pooler_output']);
});

test('of a linear model, the classifier is left out, and told', async () => {
  const path = join(folder, 'linear.safetensors');
  const classifier = [
    { name: 'fc.weight', shape: [10, 512] },
    { name: 'fc.bias', shape: [10] },
  ];
  await writeZeros(path, [...backboneOf(encoderLayout('resnet18')), ...classifier]);
  const { leftOut } = await withInput({ modelPath: path, format: 'pth' });
  assert.deepEqual(leftOut, [{ name: 'fc', tensors: 2 }]);
});

test("files with the names of others are exported under the reference's", async () => {
  const path = join(folder, 'torchvision.safetensors');
  await writeZeros(path, torchvisionLayout('resnet50'));
  const { model, leftOut, notes } = await withInput({ modelPath: path, format: 'safetensors' });
  const { names, format, replaces } = await json(model);
  assert.deepEqual({ format, replaces }, { format: 'safetensors', replaces: false });
  assert.equal(names[0], 'f.0.weight');
  assert.deepEqual(leftOut, [{ name: 'fc', tensors: 2 }]);
  assert.equal(notes.length, 1);
});

test("a file of weights has torchvision's names where they are asked for", async () => {
  const { model } = await withInput({ format: 'pth', names: 'torchvision' });
  const { names } = await json(model);
  assert.ok(names.includes('layer1.0.conv1.weight') && names.includes('g.3.bias'));
});

test('TorchScript has no BatchNorm where that is folded, and all of it where it is not', async () => {
  const [folded, plain] = await Promise.all(
    [true, false].map(async (foldBatchNorm) => {
      const { model } = await withInput({ format: 'torchscript', foldBatchNorm });
      return await json(model);
    }),
  );
  assert.ok(folded.names.includes('f.0.bias') && !folded.names.includes('f.1.weight'));
  assert.ok(plain.names.includes('f.1.running_var') && !plain.names.includes('f.0.bias'));
  assert.equal(JSON.parse(plain.description).foldBatchNorm, false);
  assert.match(folded.methods, /conv2d\(pixel_values, getattr\(self\.f, "0"\)\.weight, getattr/);
  assert.match(plain.methods, /conv2d\(pixel_values, getattr\(self\.f, "0"\)\.weight, None, /);
});

test('beside the weights stands what the model is and what it sees', async () => {
  const { out, description } = await withInput({ cropShare: 0.9, format: 'pth' });
  assert.deepEqual((await readdir(out)).sort(), [
    ...['config.json', 'model.pth', 'preprocessor_config.json'],
  ]);
  const { moco, ...config } = await json(join(out, 'config.json'));
  assert.deepEqual(config, {
    architectures: ['ResNetModel'],
    model_type: 'resnet',
    num_channels: 3,
    embedding_size: 64,
    depths: [2, 2, 2, 2],
    hidden_sizes: [64, 128, 256, 512],
    layer_type: 'basic',
    hidden_act: 'relu',
  });
  assert.deepEqual(moco, JSON.parse(JSON.stringify(description)));
  assert.match(moco.file.sha256, /^[0-9a-f]{64}$/);
  const { size, crop_size, image_mean } = await json(join(out, 'preprocessor_config.json'));
  assert.deepEqual(
    { size, crop_size, image_mean },
    {
      size: { shortest_edge: 40 },
      crop_size: { height: SIDE, width: SIDE },
      image_mean: INPUT.mean,
    },
  );
});

test('what the model sees is taken from its file, and what contradicts that is refused', async () => {
  const path = join(folder, 'told.safetensors');
  const input = { imageSize: 32, cropShare: 1, mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6] };
  const told = { format: 'moco-model', mocoVersion: '0.1.0', epoch: 3, config: {}, input };
  await writeRandomModel(path, encoderLayout('resnet18', 16), {
    'moco.json': JSON.stringify(told),
  });
  const { description } = await exported({ modelPath: path, format: 'pth' });
  assert.deepEqual(description.input, input);
  assert.equal(description.epoch, 3);
  await assert.rejects(exported({ modelPath: path, imageSize: 64 }), {
    code: 'ERR_MOCO_CONFIG',
    message: /\n {2}imageSize: 64, in the file 32$/,
  });
});

test('a file that does not say what it sees needs that said', async () => {
  await assert.rejects(exported({ imageSize: 32 }), {
    code: 'ERR_MOCO_CONFIG',
    message: `${modelPath} does not say what it sees of a picture`,
    hint: /^Pass imageSize, mean and std\./,
  });
});

test('an export does not replace a folder, unless it is one that it may', async () => {
  const { out } = await withInput({ format: 'pth' });
  await assert.rejects(withInput({ out }), {
    code: 'ERR_MOCO_OUTPUT',
    message: `${out} exists already and was not changed`,
  });
  await withInput({ out, format: 'onnx', force: true });
  assert.deepEqual((await readdir(out)).sort(), [
    'config.json',
    'onnx',
    'preprocessor_config.json',
  ]);
  await writeFile(join(out, 'notes.txt'), 'mine');
  await assert.rejects(withInput({ out, force: true }), {
    code: 'ERR_MOCO_OUTPUT',
    message: `${out} holds notes.txt, which is of no export, and was not changed`,
  });
  assert.equal(await readFile(join(out, 'notes.txt'), 'utf8'), 'mine');
});

test('an empty folder may be there', async () => {
  const out = nextFolder();
  await mkdir(out);
  await withInput({ out, format: 'pth' });
  assert.equal((await readdir(out)).length, 3);
});

test('an export that fails leaves nothing', async () => {
  const path = join(folder, 'negative.safetensors');
  const layout = encoderLayout('resnet18', 16);
  await writeRandomModel(path, layout);
  const content = await readFile(path);
  const header = 8 + Number(content.readBigUInt64LE());
  const entry = JSON.parse(content.toString('utf8', 8, header))['f.1.running_var'];
  content.writeFloatLE(-1, header + entry.data_offsets[0]);
  await writeFile(path, content);
  const earlier = await readdir(folder);
  await assert.rejects(withInput({ modelPath: path }), {
    code: 'ERR_MOCO_NON_FINITE',
    message: 'f.0: with its BatchNorm folded in, its weights are not finite',
  });
  assert.deepEqual(await readdir(folder), earlier);
});

test('an export that is stopped, before or while it writes, leaves nothing', async () => {
  const earlier = await readdir(folder);
  const error = { code: 'ERR_MOCO_ABORTED', message: 'the export was stopped' };
  await assert.rejects(exported({ ...INPUT }, AbortSignal.abort()), error);
  const stopping = new AbortController();
  const compare = async () => {
    stopping.abort(); // the model and all beside it are written by now
    return { reason: 'stopped' };
  };
  const config = parseConfig(exportCommand, { modelPath, out: nextFolder(), ...INPUT });
  const tools = { loadAddon: () => exportAddon, compare };
  await assert.rejects(exportWith(tools, config, stopping.signal), error);
  assert.deepEqual(await readdir(folder), earlier);
});

test('a folder that appears while an export writes is not replaced', async () => {
  const out = nextFolder();
  const compare = async () => {
    await mkdir(out);
    await writeFile(join(out, 'config.json'), 'of another export');
    return { reason: 'busy' };
  };
  const config = parseConfig(exportCommand, { modelPath, out, ...INPUT });
  await assert.rejects(exportWith({ loadAddon: () => exportAddon, compare }, config), {
    code: 'ERR_MOCO_OUTPUT',
    message: `${out} exists already and was not changed`,
  });
  assert.equal(await readFile(join(out, 'config.json'), 'utf8'), 'of another export');
});

/** Exports in a process that is killed when all is written, before the folder has its place. */
function killedExport(out: string): void {
  const program = `
    import { exportWith } from '#moco/export/exportModel.js';
    import { parseConfig } from '#moco/config/resolve.js';
    import { exportCommand } from '#moco/config/exportConfig.js';
    import { exportAddon } from './build/test/support/exportAddon.js';
    const compare = async () => process.kill(process.pid, 'SIGKILL');
    await exportWith(
      { loadAddon: () => exportAddon, compare },
      parseConfig(exportCommand, ${JSON.stringify({ modelPath, out, ...INPUT })}),
    );`;
  const words = ['--input-type=module', '--eval', program];
  const { signal, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  assert.equal(signal, 'SIGKILL', stderr);
}

test('what an export has left that was killed goes with the next one to the same place', async () => {
  const earlier = await readdir(folder);
  const out = nextFolder();
  killedExport(out);
  const left = (await readdir(folder)).filter((name) => !earlier.includes(name));
  assert.equal(left.length, 2, left.join()); // the folder, and the lock
  const other = join(folder, '.other.0123abcd.tmp');
  await mkdir(other);
  await withInput({ out, format: 'pth' });
  assert.deepEqual(
    (await readdir(folder)).filter((name) => !earlier.includes(name)).sort(),
    [basename(out), basename(other)].sort(),
  );
});

test('an export that was to be replaced when the new one was killed is there again', async () => {
  const { out } = await withInput({ format: 'pth' });
  const moved = join(folder, `.${basename(out)}.0123abcd.old`);
  await rename(out, moved);
  await assert.rejects(withInput({ out }), {
    message: `${out} exists already and was not changed`,
  });
  assert.equal((await readdir(out)).length, 3);
  await rename(out, moved);
  await mkdir(join(folder, `.${basename(out)}.4567abcd.old`)); // an older one
  await withInput({ out, force: true });
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.endsWith('.old')),
    [],
  );
});

test('two exports at once do not write the same folder', async () => {
  const out = nextFolder();
  let second: Promise<unknown> | undefined;
  const compare = async () => {
    second = withInput({ out, format: 'pth' });
    await assert.rejects(second, {
      code: 'ERR_MOCO_OUTPUT',
      message: /^cannot write .*: process \d+ on .* writes the same files$/,
    });
    return { reason: 'a double computes nothing' };
  };
  const config = parseConfig(exportCommand, { modelPath, out, ...INPUT });
  await exportWith({ loadAddon: () => exportAddon, compare }, config);
  assert.notEqual(second, undefined);
});

test('weights that are not finite are refused', async () => {
  const path = join(folder, 'nan.safetensors');
  await writeRandomModel(path, encoderLayout('resnet18', 16));
  const content = await readFile(path);
  content.writeFloatLE(Number.NaN, content.length - 4);
  await writeFile(path, content);
  await assert.rejects(withInput({ modelPath: path }), {
    code: 'ERR_MOCO_NON_FINITE',
    message: /1 in "g\.3\.bias"|1 in g\.3\.bias/,
  });
});

test('names are refused where the format holds no file of weights', async () => {
  await assert.rejects(withInput({ names: 'torchvision', format: 'onnx' }), {
    code: 'ERR_MOCO_CONFIG',
    message: /names: expected none with the format onnx, given torchvision/,
  });
});
