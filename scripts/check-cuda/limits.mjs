// How much of a multiprocessor each kernel may take.

/** A multiprocessor's registers, from Ampere on. */
const REGISTERS = 65536;

/** Two blocks of 256 threads fit on a multiprocessor (native/core/ops/cuda_rows.cuh). */
const ROWS = REGISTERS / (2 * 256);
/** Five of them fit (native/core/input/cuda_views.cu). */
const VIEWS = Math.floor(REGISTERS / (5 * 256));
/** Three of those that make smaller views fit: their weights are computed in double precision. */
const REDUCED_VIEWS = Math.floor(REGISTERS / (3 * 256));
/** Eight blocks of 128 threads fit (native/core/ops/cuda_pointwise_batch_norm.cu). */
const CHANNELS = REGISTERS / (8 * 128);

/** The most registers for a thread of each kernel. */
const MOST_REGISTERS = {
  statistics: ROWS,
  apply: ROWS,
  gradientSums: ROWS,
  inputGradient: ROWS,
  foldChannel: CHANNELS,
  differentiateChannel: CHANNELS,
  addThroughRelu: ROWS,
  makeView: VIEWS,
  makeReducedView: REDUCED_VIEWS,
  makeBicubicView: REDUCED_VIEWS,
  finishView: VIEWS,
  probe: 32, // does nothing
};

/**
 * The most bytes that are spilled, where it is not none. With five blocks, nvcc 13.0 stores and loads
 * one register of `makeView` for `sm_90a`; without that, only four would fit. `makeReducedView` keeps
 * six of its double-precision numbers in memory.
 */
const MOST_SPILLED = { makeView: 8, makeReducedView: 48 };

/**
 * What is wrong with a kernel; undefined if nothing.
 * @param {string} name  as `shortName` gives it
 * @param {{ registers: number, spills: number }} use
 */
export function limitProblem(name, { registers, spills }) {
  const kernel = name.replace(/<.*/, '');
  const most = MOST_REGISTERS[kernel];
  if (most === undefined) return 'has no limit in scripts/check-cuda/limits.mjs';
  if (spills > (MOST_SPILLED[kernel] ?? 0)) return `spills ${spills} bytes`;
  if (registers > most) return `takes ${registers} registers, more than ${most}`;
  return undefined;
}
