import type {
  BenchMeasuringEvent,
  BenchResult,
  BenchStartEvent,
  PhaseShares,
  PrecisionResult,
  Spread,
  Throughput,
} from '../index.js';
import { STEP_PHASES } from '../index.js';
import { withoutKernels } from './headerText.js';
import { archText } from './modelText.js';
import { count } from './quantities.js';
import { tableLines } from './table.js';

/** What is measured, on what. */
export function benchHeader({ config, description }: BenchStartEvent): string[] {
  const { mocoVersion, libtorchVersion, node, device, deviceName, cores } = description;
  const { computeThreads, dataThreads, precisions, precisionReason } = description;
  const { arch, width, imageSize } = config;
  const threads = `${count(computeThreads, 'compute thread')}, ${count(dataThreads, 'data thread')}`;
  return [
    `moco ${mocoVersion}, LibTorch ${libtorchVersion}, Node ${node}`,
    `device  ${device} (${deviceName}), ${count(cores, 'core')}, ${threads}`,
    `        ${precisions.join(' and ')}: ${precisionReason}`,
    ...withoutKernels(description),
    `step    ${archText(arch, width)}, ${config.batchSize} pictures of ${imageSize}×${imageSize}, m ${config.m}`,
  ];
}

/** `round 2/5: training step, bf16 …` */
export function measuringText({
  round,
  rounds,
  measurement,
  precision,
}: BenchMeasuringEvent): string {
  const where = round === 0 ? 'warm-up' : `round ${round}/${rounds}`;
  return `${where}: ${measurement}${precision === undefined ? '' : `, ${precision}`} …`;
}

/** All rates with their spread, and where a step's time goes. */
export function benchReport(result: BenchResult): string[] {
  const { config, description, precisions, augmentation, knn, memory } = result;
  const views = times(augmentation.secondsPerView, 1e6);
  const size = `${config.bank} × ${config.queries} × ${description.featureLength}, k ${config.k}`;
  return [
    '',
    ...tableLines([
      ['', 'median', 'range', 'unit', 'of the matrix product'],
      ...precisions.flatMap(precisionRows),
      ['augmentation, one core', ...columns(views, 1), 'µs/view', ''],
      ['kNN', ...columns(knn.seconds, 2), 's', ''],
    ]),
    '',
    `kNN: bank × queries × length ${size}; ${count(config.rounds, 'round')}`,
    '',
    ...tableLines([
      ['a step goes to', ...STEP_PHASES, 'other', 'in convolutions'],
      ...precisions.map(({ precision, step }) => [
        precision,
        ...shares(step.phases),
        wholePercent(step.convolutions),
      ]),
    ]),
    '',
    'wait: for views; input: normalising them, and making them where a GPU does; update: optimiser, momentum update and queue',
    firstTimes(precisions),
    memoryText(description.device, memory),
  ];
}

/** How long it takes until something is done for the first time in a process. */
function firstTimes(precisions: BenchResult['precisions']): string {
  const list = (seconds: (result: PrecisionResult) => number) =>
    precisions.map((result) => `${seconds(result).toFixed(2)} s in ${result.precision}`).join(', ');
  const step = list((result) => result.step.firstSeconds);
  const extraction = list((result) => result.extraction.firstSeconds);
  return `the first step took ${step}; the first extraction ${extraction}`;
}

function memoryText(device: string, { peak, held }: BenchResult['memory']): string {
  return device === 'cpu'
    ? `large tensors in CPU memory: ${megabytes(peak)} at most`
    : `tensors in the memory of the GPU: ${megabytes(peak)} at most, ${megabytes(held)} with what is kept for the next ones`;
}

function precisionRows({ precision, matrixProduct, step, extraction }: PrecisionResult) {
  const rate = (name: string, { picturesPerSecond, shareOfMatrixProduct }: Throughput) => [
    `${name} ${precision}`,
    ...columns(picturesPerSecond, 1),
    'pictures/s',
    wholePercent(shareOfMatrixProduct.median),
  ];
  const product = times(matrixProduct.flops, 1e-9);
  return [
    [`matrix product ${precision}`, ...columns(product, 0), 'GFLOP/s', ''],
    rate('training step', step),
    rate('extraction', extraction),
  ];
}

function columns({ median, least, most }: Spread, digits: number): [string, string] {
  return [median.toFixed(digits), `${least.toFixed(digits)} – ${most.toFixed(digits)}`];
}

function times({ median, least, most }: Spread, factor: number): Spread {
  return { median: factor * median, least: factor * least, most: factor * most };
}

/** In the order of the phases, then `other`. */
export function shares(phases: PhaseShares): string[] {
  return [...STEP_PHASES, 'other' as const].map((phase) => `${(100 * phases[phase]).toFixed(1)} %`);
}

export function wholePercent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
