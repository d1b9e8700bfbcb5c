import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { ExportResult } from 'moco-node';
import { runMoco } from '../support/moco.js';
import { writeRandomModel } from '../support/randomModel.js';
import { encoderLayout } from '../support/resnetLayout.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

const INPUT = ['--image-size', '32', '--mean', '0.5,0.4,0.3', '--std', '0.2,0.3,0.25'];

const folder = temporaryFolder();
before(() => writeRandomModel(join(folder, 'model.safetensors'), encoderLayout('resnet18', 16)));

const exported = (...words: string[]) =>
  runMoco(folder, ['export', '--model-path', 'model.safetensors', ...INPUT, ...words]);

test('export writes a folder and says what is in it', async () => {
  const { status, stdout, stderr } = exported('--out', 'encoder');
  assert.equal(status, 0, stderr);
  const [wrote, model, input, normalisation, comparison] = stdout.split('\n');
  assert.equal(wrote, 'wrote   encoder (ONNX: onnx/model.onnx)');
  assert.equal(
    model,
    'model   resnet18 with the cifar stem: features of 512, and projections of 16',
  );
  assert.equal(input, 'input   32×32, the middle of a picture whose shorter side is 32');
  assert.match(normalisation as string, /mean 0\.5000 0\.4000 0\.3000, deviation 0\.2000 0\.3000/);
  assert.match(
    comparison as string,
    /^(checks {2}onnxruntime and moco on 4 pictures: |note: not compared with moco's own features: )/,
  );
  const found = await readdir(join(folder, 'encoder'), { recursive: true });
  assert.deepEqual(found.sort(), [
    ...['config.json', 'onnx', 'onnx/model.onnx', 'preprocessor_config.json'],
  ]);
});

test('a second export is refused, and with --force takes the place of the first', async () => {
  const first = exported('--out', 'twice', '--format', 'torchscript');
  assert.equal(first.status, 0, first.stderr);
  const content = await readFile(join(folder, 'twice/model.pt'));
  const { status, stderr } = exported('--out', 'twice');
  assert.equal(status, 1);
  assert.match(
    stderr,
    /twice exists already and was not changed \[ERR_MOCO_OUTPUT\]\nhint: .*--force/,
  );
  assert.deepEqual(await readFile(join(folder, 'twice/model.pt')), content);
  const { stdout } = exported('--out', 'twice', '--force', '--format', 'pth', '--json');
  const result: ExportResult = JSON.parse(stdout);
  assert.equal(result.model, join(folder, 'twice/model.pth'));
  assert.deepEqual((await readdir(join(folder, 'twice'))).sort(), [
    ...['config.json', 'model.pth', 'preprocessor_config.json'],
  ]);
});

test('a file that does not say what it sees is an error of the configuration', async () => {
  const { status, stderr } = runMoco(folder, ['export', '--model-path', 'model.safetensors']);
  assert.equal(status, 2);
  assert.match(
    stderr,
    /does not say what it sees of a picture \[ERR_MOCO_CONFIG\]\nhint: Pass imageSize/,
  );
});
