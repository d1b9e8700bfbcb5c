import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { conversionLines } from '#moco/cli/modelText.js';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import { runMoco } from '../../support/moco.js';
import { modelFile } from '../../support/modelFiles.js';
import { encoderLayout, prefixed, torchvisionLayout } from '../../support/resnetLayout.js';
import { writeZeros } from '../../support/safetensorsFile.js';
import { temporaryFolder } from '../../support/temporaryFolder.js';

const folder = temporaryFolder();

/** Runs the command in the test's folder. */
const moco = (...words: string[]) => runMoco(folder, words);

test('inspect tells what a file holds, line by line', async () => {
  await writeZeros(join(folder, 'resnet18.safetensors'), torchvisionLayout('resnet18'));
  const { status, stdout } = moco('inspect', 'resnet18.safetensors');
  assert.equal(status, 0);
  assert.deepEqual(stdout.split('\n'), [
    'file    resnet18.safetensors (safetensors, 46.8 MB)',
    'kind    backbone',
    'model   resnet18 with the imagenet stem, 11.2 million parameters, 120 tensors',
    'checks  this file has no checksums: damage would go unseen',
    'note: also in the file: fc (2 tensors)',
    'note: moco takes for granted what no tensor shows: the 7×7 stem pads by 3, max-pooling follows it, ' +
      "BatchNorm's epsilon is 1e-5, pictures are normalised by the data set's own mean and deviation",
    '',
  ]);
});

test('inspect tells where the encoder lies, and the one that --prefix asks for', async () => {
  const encoder = encoderLayout('resnet18');
  const layout = [...prefixed('ema.', encoder), ...prefixed('net.', encoder)];
  await writeZeros(join(folder, 'two.safetensors'), layout);
  const { status, stderr } = moco('inspect', 'two.safetensors');
  assert.equal(status, 1);
  assert.equal(
    stderr,
    `error: ${join(folder, 'two.safetensors')} holds several encoders: [ERR_MOCO_CHECKPOINT]\n` +
      '  --prefix ema   ResNet-18 with the cifar stem\n' +
      '  --prefix net   ResNet-18 with the cifar stem\n' +
      'hint: Pass one of these flags.\n',
  );
  const { stdout } = moco('inspect', 'two.safetensors', '--prefix', 'ema');
  assert.match(stdout, /, featureDim 128\n {8}under ema\.\n/);
  assert.match(stdout, /\nnote: also in the file: net \(128 tensors\)\n$/);
});

test('inspect tells why a network is no ResNet that moco knows', async () => {
  const layout = encoderLayout('resnet18').filter(({ name }) => name !== 'f.6.1.conv2.weight');
  await writeZeros(join(folder, 'cut.safetensors'), layout);
  const { status, stdout } = moco('inspect', 'cut.safetensors');
  assert.equal(status, 0);
  assert.match(
    stdout,
    /\nkind {4}network\nmodel {3}unknown, 9\.1 million parameters, 127 tensors\n/,
  );
  assert.match(
    stdout,
    /\nnote: no ResNet that moco knows: the nearest is a ResNet-18 with the cifar stem\n {2}missing: f\.6\.1\.conv2\.weight\n$/,
  );
});

test('convert takes the names and the prefix from flags, and refuses other names', async () => {
  await writeZeros(join(folder, 'net.safetensors'), prefixed('net.', encoderLayout('resnet18')));
  const words = ['convert', 'net.safetensors', 'named.safetensors', '--prefix', 'net'];
  assert.equal(moco(...words, '--names', 'torchvision').status, 0);
  const { tensors } = await readTensorFile(join(folder, 'named.safetensors'));
  const layers = new Set(tensors.map(({ name }) => name.split('.')[0]));
  const expected = ['bn1', 'conv1', 'g', 'layer1', 'layer2', 'layer3', 'layer4'];
  assert.deepEqual([...layers].sort(), expected);
  assert.equal(moco(...words, '--names', 'keras').status, 2);
});

test('inspect --json prints one object', () => {
  const { status, stdout } = moco('inspect', modelFile('checkpoint.pth'), '--json');
  const { kind, epoch, tensors, checksums } = JSON.parse(stdout);
  assert.deepEqual([status, kind, epoch, tensors], [0, 'network', 200, 17]);
  assert.deepEqual(checksums, { tensors: 17, verified: 17 });
});

test('inspect ends with 1 for a damaged file, and names the tensor', async () => {
  const content = await readFile(modelFile('plain.pth'));
  const [tensor] = (await readTensorFile(modelFile('plain.pth'))).tensors;
  content.fill(0xff, tensor?.storage.offset, (tensor?.storage.offset as number) + 1);
  await writeFile(join(folder, 'damaged.pth'), content);
  assert.deepEqual(moco('inspect', 'damaged.pth'), {
    status: 1,
    stdout: '',
    stderr:
      `error: ${join(folder, 'damaged.pth')}: the checksum of 1 of 2 tensors is wrong: "a" [ERR_MOCO_CHECKPOINT]\n` +
      'hint: The file is damaged: take another copy of it.\n',
  });
});

test('an error shows nothing that a terminal obeys, and keeps its lines', () => {
  const { status, stderr } = moco('inspect', '\x1b[2Jmissing.pth');
  assert.equal(status, 1);
  assert.equal(
    stderr,
    `error: cannot read ${folder}/\ufffd[2Jmissing.pth: there is no such file [ERR_MOCO_CHECKPOINT]\n` +
      'hint: Check the path.\n',
  );
});

test('inspect of a file that would run something shows what it names', () => {
  const { status, stdout } = moco('inspect', modelFile('hostile.pth'));
  assert.equal(status, 0);
  assert.match(stdout, /^note: not read, and not run: posix\.system \(hostile\)$/m);
});

test('convert to another ending ends with 2, over a file without --force with 1', async () => {
  assert.equal(moco('convert', modelFile('plain.pth'), 'out.txt').status, 2);
  await writeFile(join(folder, 'out.pth'), 'mine');
  const { status, stderr } = moco('convert', modelFile('plain.pth'), 'out.pth');
  assert.equal(status, 1);
  assert.match(stderr, /out\.pth exists already and was not changed/);
});

test('what was converted and what was left out is told, without what a terminal obeys', () => {
  const conversion = {
    output: 'out.pth',
    format: 'pth' as const,
    tensors: 122,
    leftOut: [
      { name: 'encoder_k', tensors: 122 },
      { name: '\x1b[2Jqueue', tensors: 1 },
    ],
    valuesLeftOut: ['epoch'],
    opaque: [
      { what: 'argparse.Namespace', places: ['args'], count: 1, kind: 'other' as const },
      { what: 'set', places: ['a', 'b'], count: 2, kind: 'other' as const },
    ],
    notes: ['the stem pads by 1'],
    misfit: undefined,
  };
  assert.deepEqual(conversionLines(conversion), [
    "wrote out.pth (PyTorch's .pth, 122 tensors)",
    'note: left out: encoder_k (122 tensors), \ufffd[2Jqueue (1 tensor), epoch, ' +
      'argparse.Namespace (args), set (a, and 1 other place)',
    'note: the stem pads by 1',
  ]);
});
