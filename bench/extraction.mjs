#!/usr/bin/env node
// Features of pictures for kNN (backbone, evaluation mode), ours against PyTorch's.
//
//   node bench/extraction.mjs [--python python3] [--arch resnet50] [--pictures 256]
//                             [--rounds 7] [--threads 2] [--json]
//
// The Python must have torch (and numpy); see bench/extraction_reference.py for its side. Ours is a
// whole evaluation with a bank of that many pictures and one more to classify: folding BatchNorm into the
// convolutions, normalising the pictures and the votes are in its time.

import {
  measure,
  readOptions,
  report,
  runBench,
  secondsOf,
  startReference,
  startTrainer,
} from './harness.mjs';

const VARIANTS = {
  'PyTorch fp32': 'fp32',
  'PyTorch fp32, channels last': 'fp32-channels-last',
  'PyTorch bf16 autocast, channels last': 'bf16-autocast-channels-last',
  'PyTorch bf16 weights, channels last': 'bf16-channels-last',
};

async function startOurs(options) {
  const trainer = await startTrainer(options);
  return {
    run: () => secondsOf(() => trainer.evaluate()),
    quit: () => trainer.dispose(),
  };
}

await runBench(async () => {
  const { python, arch, rounds, threads, json, pictures } = readOptions({ pictures: 256 });
  const ours = { arch, batchSize: 2, m: 2, threads, train: pictures, test: 1 };
  const measured = await measure({
    reference: startReference(python, 'extraction_reference.py', { arch, pictures, threads }),
    variants: VARIANTS,
    startOurs: (precision) => startOurs({ ...ours, precision }),
    rounds,
  });
  const setting = { arch, pictures, threads, rounds };
  report({ title: 'extraction', setting, ...measured, pictures, json });
});
