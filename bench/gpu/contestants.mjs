// What is compared on a GPU, and how large it is.
import { startWorker } from '../harness.mjs';
import { queryGpu } from './measure.mjs';

/**
 * Sizes of a real measurement, and of a smoke run, which shows that everything works, also on a
 * CPU.
 */
const SIZES = {
  full: {
    ...{ arch: 'resnet50', queue: 4096, rounds: 5 },
    ...{ bank: 50_000, queries: 10_000, k: 200, referenceBatch: 256, tunedBatch: 1000 },
  },
  smoke: {
    ...{ arch: 'resnet18', queue: 64, batches: { 4: 2, 8: 1 }, rounds: 2 },
    ...{ bank: 32, queries: 8, k: 4, referenceBatch: 4, tunedBatch: 8 },
  },
};

/** torch.compile's modes, of which the better counts; each takes minutes the first time. */
const COMPILED = {
  'PyTorch tuned, compiled with CUDA graphs': 'bf16-compiled-graphs',
  'PyTorch tuned, compiled and autotuned': 'bf16-compiled-autotuned',
};

const NO_KERNELS = { MOCO_CUDA_KERNELS: '0' };
const BY_ALGEBRA = { MOCO_POINTWISE_BATCH_NORM: '1' };

export function sizes({ smoke }) {
  if (smoke) return SIZES.smoke;
  fullSizes ??= { ...SIZES.full, batches: batchesThatFit() };
  return fullSizes;
}

let fullSizes; // asking for the GPU's memory starts a program

/**
 * By batch, the steps in a round. What is compared at batch 1024 should take 95 to 106 GB at once, going
 * by the sizes of the activations.
 */
function batchesThatFit() {
  const mebibytes = Number.parseInt(queryGpu('memory.total'), 10);
  return mebibytes < 110_000 ? { 256: 50, 512: 25 } : { 256: 50, 1024: 12 };
}

/**
 * All comparisons: the first contestant of each is the baseline. What is compared at once lies in the
 * GPU's memory at once, which is why the large batch's contestants come in two groups.
 */
export function comparisons(options) {
  const { rounds, batches, bank, queries } = sizes(options);
  const [small, large] = Object.keys(batches).map(Number);
  const reference = (batch) => pyTorchStep(options, batch, REFERENCE, 'fp32');
  const steps = (batch, title, contestants) => ({
    ...{ title, rounds, unit: 'pictures/s', contestants },
    toValue: (seconds) => (batch * batches[batch]) / seconds,
  });
  return [
    steps(small, `step, batch ${small}`, [
      ...[reference(small), ...tunedSteps(options, small)],
      ...[...ourMainSteps(options, small), ...ourOtherSteps(options, small)],
    ]),
    {
      ...{ title: `kNN of ${bank + queries} pictures`, rounds, unit: 's' },
      contestants: evaluations(options),
      toValue: (seconds) => seconds,
    },
    steps(large, `step, batch ${large}`, [
      ...[reference(large), ...compiledSteps(options, large), ...ourMainSteps(options, large)],
    ]),
    steps(large, `step, batch ${large}: ours in other ways`, [
      ...[reference(large), ...ourOtherSteps(options, large)],
    ]),
  ];
}

const REFERENCE = 'PyTorch as the reference (fp32, NCHW)';

/** The contestants that `torch.compile` makes, by mode; once compiled, they start fast. */
export function compiledContestants(options) {
  const batches = Object.keys(sizes(options).batches).map(Number);
  const byBatch = batches.map((batch) => compiledSteps(options, batch));
  return byBatch[0].map((_, mode) => byBatch.map((contestants) => contestants[mode]));
}

function tunedSteps(options, batch) {
  const eager = pyTorchStep(options, batch, 'PyTorch tuned (bf16, channels last)', 'bf16-fused');
  return [eager, ...compiledSteps(options, batch)];
}

function compiledSteps(options, batch) {
  if (options.smoke) return [];
  return Object.entries(COMPILED).map(([name, line]) => ({
    ...pyTorchStep(options, batch, name, line),
    warmUpSeconds: 90,
  }));
}

function pyTorchStep({ python, device, ...options }, batch, name, line) {
  const { arch, queue, batches } = sizes(options);
  const settings = { arch, device, queue, 'batch-size': batch, steps: batches[batch] };
  return { name, line, start: () => startWorker(python, 'step_reference.py', settings) };
}

function ourMainSteps(options, batch) {
  return [
    ourStep(options, batch, 'moco bf16', { precision: 'bf16' }),
    ourStep(options, batch, 'moco fp32', { precision: 'fp32' }),
  ];
}

function ourOtherSteps(options, batch) {
  const bf16 = { precision: 'bf16' };
  const noGraph = { ...bf16, 'cuda-graph': false };
  return [
    ourStep(options, batch, 'moco bf16, no CUDA graph', noGraph),
    ourStep(options, batch, 'moco bf16, no own kernels', bf16, NO_KERNELS),
    ourStep(options, batch, 'moco bf16, neither', noGraph, NO_KERNELS),
    ourStep(options, batch, 'moco bf16, BatchNorm by algebra', bf16, BY_ALGEBRA),
    ourStep(options, batch, 'moco bf16, deterministic', { ...bf16, deterministic: true }),
  ];
}

function ourStep({ device, ...options }, batch, name, settings, env) {
  const { arch, queue, batches } = sizes(options);
  const all = { arch, device, queue, 'batch-size': batch, steps: batches[batch], ...settings };
  return { name, line: '', start: () => startOurs({ work: 'step', ...all }, env) };
}

function evaluations({ python, device, ...options }) {
  const { arch, bank, queries, k, referenceBatch, tunedBatch } = sizes(options);
  const work = { arch, device, bank, queries, k };
  const pyTorch = (name, line, batch) => ({
    ...{ name, line },
    start: () => startWorker(python, 'knn_reference.py', { ...work, 'batch-size': batch }),
  });
  const ours = (name, precision, env) => ({
    ...{ name, line: '' },
    start: () => startOurs({ work: 'knn', ...work, precision }, env),
  });
  const compiled = pyTorch('PyTorch tuned, compiled', 'bf16-compiled', tunedBatch);
  return [
    pyTorch(REFERENCE, 'fp32', referenceBatch),
    pyTorch('PyTorch tuned (bf16, channels last)', 'bf16-channels-last', tunedBatch),
    ...(options.smoke ? [] : [compiled]),
    ours('moco bf16', 'bf16'),
    ours('moco fp32', 'fp32'),
    ours('moco bf16, no own kernels', 'bf16', NO_KERNELS),
  ];
}

function startOurs(settings, env) {
  return startWorker(process.execPath, 'ours.mjs', settings, env);
}
