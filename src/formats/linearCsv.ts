import { csvTable } from './csvTable.js';

/** How a classifier did on one split; accuracies in per cent. */
export interface SplitMetrics {
  readonly loss: number;
  readonly top1: number;
  readonly top5: number;
}

/** One line: the splits of one epoch or of one learning rate. */
export interface LinearRow {
  readonly train: SplitMetrics;
  readonly test: SplitMetrics;
  /** Undefined where no pictures are held out. */
  readonly validation: SplitMetrics | undefined;
}

/**
 * The reference's statistics of a linear evaluation, one line per epoch. Where pictures are held
 * out, columns about them follow the reference's own.
 */
export function linearStatisticsCsv(
  rows: readonly (LinearRow & { readonly epoch: number })[],
  hasValidation: boolean,
): string {
  const columns = ['epoch', ...splitColumns(hasValidation)];
  return csvTable(
    columns,
    rows.map((row) => [String(row.epoch), ...splitFields(row)]),
  );
}

/** The learning rates of probes on cached features, one line each. */
export function linearCachedCsv(
  rows: readonly (LinearRow & { readonly learningRate: number })[],
): string {
  const columns = ['learning_rate', ...splitColumns(true)];
  return csvTable(
    columns,
    rows.map((row) => [row.learningRate, ...splitFields(row)]),
  );
}

function splitColumns(hasValidation: boolean): string[] {
  const splits = ['train', 'test', ...(hasValidation ? ['validation'] : [])];
  return splits.flatMap((split) => [`${split}_loss`, `${split}_acc@1`, `${split}_acc@5`]);
}

function splitFields({ train, test, validation }: LinearRow): number[] {
  return [train, test, validation ?? []].flatMap((split) =>
    'loss' in split ? [split.loss, split.top1, split.top5] : [],
  );
}
