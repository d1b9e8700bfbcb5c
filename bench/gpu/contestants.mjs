// What is compared on a GPU, and how large it is.
import { startWorker } from '../harness.mjs';
import { queryGpu } from './machine.mjs';

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

export const REFERENCE = 'PyTorch as the reference (fp32, NCHW)';

/** torch.compile's modes, of which the better counts; each takes minutes the first time. */
const COMPILED = {
  'PyTorch tuned, compiled with CUDA graphs': 'bf16-compiled-graphs',
  'PyTorch tuned, compiled and autotuned': 'bf16-compiled-autotuned',
};

const NO_KERNELS = { MOCO_CUDA_KERNELS: '0' };

/** The experiment of native/core/ops/pointwise_batch_norm.h. */
const BY_ALGEBRA = { MOCO_POINTWISE_BATCH_NORM: '1' };

export function sizes({ smoke }) {
  if (smoke) return SIZES.smoke;
  fullSizes ??= { ...SIZES.full, batches: batchesThatFit() };
  return fullSizes;
}

let fullSizes; // asking for the GPU's memory starts a program

/** By batch, the steps in a round. What is compared at once should take less than 110 GB. */
function batchesThatFit() {
  const mebibytes = Number.parseInt(queryGpu('memory.total'), 10);
  return mebibytes < 110_000 ? { 256: 50, 512: 25 } : { 256: 50, 512: 25, 1024: 12 };
}

/** By name, what a table compares. The first contestant of a comparison is its baseline. */
const COMPARISONS = { ours: oursAlone, best: bestAndOurs, all: everything };

/**
 * The comparisons of a table, the one that tells most first. What is compared at once lies in the GPU's
 * memory at once. Contestants of training steps say how many `pictures` a run has, and are compared by
 * pictures per second; others by seconds.
 * @param options `contestants` is `ours`, `best` or `all`
 */
export function comparisons(options) {
  const { rounds } = sizes(options);
  return COMPARISONS[options.contestants](options).map((comparison) => ({ rounds, ...comparison }));
}

/** Ours in bf16 with a CUDA graph. Step times differ from process to process: hence three of them. */
function oursAlone(options) {
  const { batches } = sizes(options);
  const all = Object.keys(batches).map(Number);
  const main = (batch, also = '') => ({
    ...ourMainSteps(options, batch)[0],
    name: `moco bf16, batch ${batch}${also}`,
  });
  const [knn] = ourEvaluations(options);
  return [
    { title: 'step', contestants: all.map((batch) => main(batch)) },
    { title: knnTitle(options), contestants: [knn] },
    {
      title: `step, batch ${all[1]}, in other processes`,
      contestants: ['second', 'third'].map((which) => main(all[1], `, ${which} process`)),
    },
  ];
}

/** The best that PyTorch has, and ours with one thing after the other left out. */
function bestAndOurs(options) {
  const batch = Number(Object.keys(sizes(options).batches)[1]);
  return [
    {
      title: `step, batch ${batch}`,
      contestants: [
        ...[...tunedSteps(options, batch), ourMainSteps(options, batch)[0]],
        ...ourOtherSteps(options, batch),
      ],
    },
  ];
}

/** PyTorch as the reference uses it, too. The large batch comes in two groups, for want of memory. */
function everything(options) {
  const all = Object.keys(sizes(options).batches).map(Number);
  const [small, large] = [all[0], all.at(-1)];
  const reference = (batch) => pyTorchStep(options, batch, REFERENCE, 'fp32');
  return [
    {
      title: `step, batch ${small}`,
      contestants: [
        ...[reference(small), ...tunedSteps(options, small)],
        ...[...ourMainSteps(options, small), ...ourOtherSteps(options, small)],
      ],
    },
    {
      title: knnTitle(options),
      contestants: [...pyTorchEvaluations(options), ...ourEvaluations(options)],
    },
    {
      title: `step, batch ${large}`,
      contestants: [
        ...[reference(large), ...compiledSteps(options, large), ...ourMainSteps(options, large)],
      ],
    },
    {
      title: `step, batch ${large}: ours in other ways`,
      contestants: [reference(large), ...ourOtherSteps(options, large)],
    },
  ];
}

function knnTitle(options) {
  const { bank, queries } = sizes(options);
  return `kNN of ${bank + queries} pictures`;
}

/** The contestants of training steps that `torch.compile` makes, by mode; once compiled, they start fast. */
export function compiledContestants(options) {
  const [small, middle, ...large] = Object.keys(sizes(options).batches).map(Number);
  const batches = [middle, small, ...large]; // in the order in which tables need them
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
  const start = () => startWorker(python, 'step_reference.py', settings);
  return { name, line, start, pictures: batch * batches[batch] };
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
  const start = () => startOurs({ work: 'step', ...all }, env);
  return { name, line: '', start, pictures: batch * batches[batch] };
}

function evaluationWork({ device, ...options }) {
  const { arch, bank, queries, k } = sizes(options);
  return { arch, device, bank, queries, k };
}

function pyTorchEvaluations({ python, ...options }) {
  const { referenceBatch, tunedBatch } = sizes(options);
  const pyTorch = (name, line, batch) => ({
    ...{ name, line },
    start: () =>
      startWorker(python, 'knn_reference.py', { ...evaluationWork(options), 'batch-size': batch }),
  });
  const compiled = pyTorch('PyTorch tuned, compiled', 'bf16-compiled', tunedBatch);
  return [
    pyTorch(REFERENCE, 'fp32', referenceBatch),
    pyTorch('PyTorch tuned (bf16, channels last)', 'bf16-channels-last', tunedBatch),
    ...(options.smoke ? [] : [compiled]),
  ];
}

function ourEvaluations(options) {
  const ours = (name, precision, env) => ({
    ...{ name, line: '' },
    start: () => startOurs({ work: 'knn', ...evaluationWork(options), precision }, env),
  });
  return [
    ours('moco bf16', 'bf16'),
    ours('moco fp32', 'fp32'),
    ours('moco bf16, no own kernels', 'bf16', NO_KERNELS),
  ];
}

function startOurs(settings, env) {
  return startWorker(process.execPath, 'ours.mjs', settings, env);
}
