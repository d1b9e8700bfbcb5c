// Uses an exported model as its users do: with onnxruntime-node and with transformers.js, which it
// installs elsewhere. What they compute must be what moco computes.
//
//   npm run check:export                        needs the npm registry, and a few minutes
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { compareWithOwn } from '../dist/export/compareWithOwn.js';
import { exportModel, loadEncoder, train } from '../dist/index.js';

const ONNX_RUNTIME = 'onnxruntime-node@1.30.0';
const TRANSFORMERS = '@huggingface/transformers@4.3.2';

/** A pipeline of transformers.js over a folder: the features of each picture, as one line of JSON. */
const PIPELINE = `
import { env, pipeline } from '@huggingface/transformers';
const [name, ...pictures] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = import.meta.dirname;
const extract = await pipeline('image-feature-extraction', name, { dtype: 'fp32' });
const rows = [];
for (const picture of pictures) {
  const [plain, pooled] = [await extract(picture), await extract(picture, { pool: true })];
  rows.push([[...plain.data], [...pooled.data]]);
}
console.log(JSON.stringify(rows));
`;

const folder = mkdtempSync(join(tmpdir(), 'moco-export-'));
try {
  installRuntimes();
  const { out, model, description, modelPath } = await exported();
  await compareOnnxRuntime(model, modelPath, description);
  await compareTransformers(out, modelPath);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function installRuntimes() {
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  writeFileSync(join(folder, 'pipeline.js'), PIPELINE);
  const words = ['install', '--no-audit', '--no-fund', ONNX_RUNTIME, TRANSFORMERS];
  // Otherwise onnxruntime-node fetches CUDA.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  const { status, error } = spawnSync('npm', words, { cwd: folder, env, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Error(`npm ${words.join(' ')} failed`);
}

/** A model that has seen a few pictures, as ONNX. */
async function exported() {
  const data = { dataset: 'shapes', trainLimit: 64, testLimit: 32, device: 'cpu' };
  const recipe = { arch: 'resnet18', featureDim: 16, m: 32, k: 5, batchSize: 16, epochs: 1 };
  const { files } = await train({ ...data, ...recipe, out: join(folder, 'results') });
  const out = join(folder, 'exported');
  return { modelPath: files.model, ...(await exportModel({ modelPath: files.model, out })) };
}

async function compareOnnxRuntime(model, modelPath, description) {
  const runtime = createRequire(join(folder, 'pipeline.js'))('onnxruntime-node');
  const load = async () => runtime;
  const found = await compareWithOwn(model, { modelPath }, description, undefined, load);
  say(`${ONNX_RUNTIME}: largest difference ${found.deviation.toExponential(1)}`);
}

async function compareTransformers(exported, modelPath) {
  const pictures = await picturesIn(folder);
  const paths = pictures.map(({ path }) => path);
  const rows = extractedBy(exported, paths);
  for (const [index, own] of (await ownRows(modelPath, paths)).entries()) {
    const { what, least } = pictures[index];
    const alike = Math.min(...rows[index].map((row) => cosine(own, row)));
    if (!(alike >= least)) throw new Error(`${what}: cosine ${alike}, expected ${least}`);
    say(`${TRANSFORMERS}, ${what}: cosine ${alike.toFixed(6)}`);
  }
}

/** What moco makes of pictures, one row for each. */
async function ownRows(modelPath, paths) {
  const encoder = await loadEncoder(modelPath, { device: 'cpu', precision: 'fp32' });
  try {
    const { dims, data } = await encoder.embed(paths);
    return paths.map((_, index) => data.subarray(index * dims[1], (index + 1) * dims[1]));
  } finally {
    await encoder.dispose();
  }
}

/** Pictures of the size that the model sees, and others that have to be resized. */
async function picturesIn(target) {
  const files = [
    {
      name: 'same.png',
      width: 32,
      height: 32,
      what: 'a picture that is not resized',
      least: 0.999999,
    },
    { name: 'wide.png', width: 400, height: 300, what: 'a wide PNG', least: 0.999 },
    { name: 'tall.jpg', width: 300, height: 500, what: 'a tall JPEG', least: 0.99 },
  ];
  return await Promise.all(
    files.map(async ({ name, width, height, ...rest }) => {
      const path = join(target, name);
      await gradient(width, height).toFile(path);
      return { path, ...rest };
    }),
  );
}

/** A picture that changes slowly, with an edge in it. */
function gradient(width, height) {
  const data = new Uint8Array(3 * width * height);
  for (let at = 0; at < data.length; at++) {
    const [x, y] = [Math.floor(at / 3) % width, Math.floor(at / 3 / width)];
    data[at] = x > y ? (255 * x) / width : (255 * ((at % 3) + 1) * y) / (3 * height);
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

function extractedBy(exported, pictures) {
  const words = ['pipeline.js', basename(exported), ...pictures];
  const options = { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28 };
  const { status, stdout, stderr } = spawnSync(process.execPath, words, options);
  if (status !== 0) throw new Error(`transformers.js ended with ${status}:\n${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

function cosine(a, b) {
  const dot = (x, y) => x.reduce((sum, value, index) => sum + value * y[index], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function say(line) {
  process.stderr.write(`check:export: ${line}\n`);
}
