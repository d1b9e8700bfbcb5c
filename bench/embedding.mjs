#!/usr/bin/env node
// Features of pictures by a trained model (loadEncoder), ours against onnxruntime-node's and OpenVINO's of
// the same model, which `moco export` writes for them.
//
//   node bench/embedding.mjs --model-path M --onnxruntime FOLDER --python P
//                            [--batches 1,16,64,256] [--rounds 7] [--threads 2] [--image-size 32]
//
// --image-size is for a model that does not say what it sees of a picture. A contestant's turn is a call that
// does not count, because it finds caches and threads as another left them, and calls for a third of a second.
// FOLDER has a node_modules with onnxruntime-node; P is a Python that has openvino and numpy. Theirs get
// normalised fp32 numbers and ours pixels: normalising them is in its time. OpenVINO computes with the hint
// for latency, and with that for throughput, for which the batch is divided among its streams.

import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { exportModel, loadEncoder } from '../dist/index.js';
import { loadAddon } from '../dist/native/load.js';
import {
  BenchFailure,
  median,
  positiveInteger,
  runBench,
  startWorker,
  steadySecondsOf,
  timeRounds,
} from './harness.mjs';

/** Mean and standard deviation where a model does not say them; they change no time. */
const EVEN = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

function readSettings() {
  const text = (value) => ({ type: 'string', default: value });
  const { values } = parseArgs({
    options: {
      'model-path': { type: 'string' },
      'image-size': { type: 'string' },
      onnxruntime: { type: 'string' },
      python: text('python3'),
      batches: text('1,16,64,256'),
      rounds: text('7'),
      threads: text(`${availableParallelism()}`),
    },
  });
  if (!values['model-path'])
    throw new BenchFailure('--model-path is missing: the model to measure');
  if (!values.onnxruntime) {
    throw new BenchFailure('--onnxruntime is missing: a folder with onnxruntime-node');
  }
  const imageSize = values['image-size'];
  return {
    modelPath: values['model-path'],
    view: imageSize ? { ...EVEN, imageSize: positiveInteger('image-size', imageSize) } : {},
    onnxruntime: resolve(values.onnxruntime),
    python: values.python,
    batches: values.batches.split(',').map((batch) => positiveInteger('batches', batch)),
    rounds: positiveInteger('rounds', values.rounds),
    threads: positiveInteger('threads', values.threads),
  };
}

/** onnxruntime's seconds for a batch. */
async function startOnnxRuntime({ onnxruntime, threads }, model, side) {
  const require = createRequire(join(onnxruntime, 'package.json'));
  const { InferenceSession, Tensor } = require('onnxruntime-node');
  const session = await InferenceSession.create(model, { intraOpNumThreads: threads });
  const [input] = session.inputNames;
  return async (batch) => {
    const numbers = Float32Array.from(
      { length: batch * 3 * side ** 2 },
      () => 4 * Math.random() - 2,
    );
    const pictures = new Tensor('float32', numbers, [batch, 3, side, side]);
    return await steadySecondsOf(() => session.run({ [input]: pictures }));
  };
}

/** An encoder of ours, and its seconds for a batch. */
async function startOurs({ modelPath, view, threads, batches }, precision) {
  const batchSize = Math.max(...batches);
  const settled = { device: 'cpu', precision, threads, batchSize };
  const encoder = await loadEncoder(modelPath, { ...view, ...settled });
  const { side } = encoder.description;
  const run = async (batch) => {
    const pictures = Array.from({ length: batch }, () => {
      const data = new Uint8Array(side * side * 3);
      for (let i = 0; i < data.length; i += 65536)
        crypto.getRandomValues(data.subarray(i, i + 65536));
      return { data, width: side, height: side, channels: 3 };
    });
    return await steadySecondsOf(() => encoder.embed(pictures));
  };
  return { encoder, run };
}

function printTable(batch, seconds) {
  const ratio = (name, baseline) => {
    const ratios = seconds[name].map((time, round) => seconds[baseline][round] / time);
    return `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} – ${Math.max(...ratios).toFixed(2)})`;
  };
  const best = (precision) =>
    Object.keys(seconds)
      .filter((name) => name.startsWith(`OpenVINO ${precision}`))
      .sort((a, b) => median(seconds[a]) - median(seconds[b]))[0];
  console.log(
    `\n| batch ${batch} | pictures/s (median) | × onnxruntime (median, range) | × best OpenVINO of the precision |`,
  );
  console.log('|---|---|---|---|');
  for (const [name, times] of Object.entries(seconds)) {
    const rival = best(/bf16/.test(name) ? 'bf16' : 'fp32');
    const cells = [name, (batch / median(times)).toFixed(1), ratio(name, 'onnxruntime fp32')];
    console.log(`| ${cells.join(' | ')} | ${ratio(name, rival)} |`);
  }
}

await runBench(async () => {
  const settings = readSettings();
  const { cpuBf16, cpuName } = loadAddon().hardware();
  const precisions = cpuBf16 ? ['fp32', 'bf16'] : ['fp32'];
  const folder = await mkdtemp(join(tmpdir(), 'moco-bench-'));
  const ours = [];
  let openVino;
  try {
    const out = join(folder, 'model');
    const { modelPath, view } = settings;
    const { model } = await exportModel({ ...view, modelPath, out, format: 'onnx' });
    for (const precision of precisions) ours.push(await startOurs(settings, precision));
    const side = ours[0].encoder.description.model.input.imageSize;
    const onnxRuntime = await startOnnxRuntime(settings, resolve(out, model), side);
    openVino = await startWorker(settings.python, 'embedding_reference.py', {
      model: resolve(out, model),
      side,
      threads: settings.threads,
    });
    console.log(
      `${cpuName}, Node ${process.version}, OpenVINO ${openVino.hello.openvino}, ${side}×${side}, threads ${settings.threads}, rounds ${settings.rounds}`,
    );
    for (const batch of settings.batches) {
      const contestants = { 'onnxruntime fp32': () => onnxRuntime(batch) };
      for (const precision of precisions) {
        for (const hint of batch < settings.threads ? ['latency'] : ['latency', 'throughput']) {
          contestants[`OpenVINO ${precision}, ${hint}`] = () =>
            openVino.run(`${precision} ${hint} ${batch}`);
        }
      }
      precisions.forEach((precision, i) => {
        contestants[`moco ${precision}`] = () => ours[i].run(batch);
      });
      printTable(batch, await timeRounds(contestants, settings.rounds));
    }
  } finally {
    openVino?.quit();
    for (const { encoder } of ours) await encoder.dispose();
    await rm(folder, { recursive: true, force: true });
  }
});
