#!/usr/bin/env node
// One training step, ours against the plain PyTorch statement of it.
//
//   node bench/step.mjs [--python python3] [--arch resnet50] [--batch-size 64] [--queue 4096]
//                       [--rounds 7] [--threads 2] [--json]
//
// The Python must have torch (and numpy); see bench/step_reference.py for its side.

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
  '… fused Adam and momentum update': 'bf16-fused',
  '… torch.compile': 'bf16-compiled',
};

/** Our side: an epoch of one batch is one step, data included. */
async function startOurs(options) {
  const trainer = await startTrainer(options);
  let epoch = 0;
  return {
    run: () => secondsOf(() => trainer.trainEpoch(++epoch, 1, () => {})),
    quit: () => trainer.dispose(),
  };
}

await runBench(async () => {
  const options = readOptions({ 'batch-size': 64, queue: 4096 });
  const { python, arch, rounds, queue, threads, json, 'batch-size': batchSize } = options;
  const ours = { arch, batchSize, m: queue, threads, train: batchSize, test: 1 };
  const measured = await measure({
    reference: startReference(python, 'step_reference.py', {
      ...{ arch, 'batch-size': batchSize, queue, threads },
    }),
    variants: VARIANTS,
    startOurs: (precision) => startOurs({ ...ours, precision }),
    rounds,
  });
  const setting = { arch, batchSize, threads, rounds };
  report({ title: 'step', setting, ...measured, pictures: batchSize, json });
});
