import { csvTable } from './csvTable.js';

/** One line of a run's results. */
export interface ResultsRow {
  readonly epoch: number;
  /** Mean loss of the epoch. */
  readonly trainLoss: number;
  /** kNN accuracy, per cent; absent where there are no labels. */
  readonly top1?: number | undefined;
  readonly top5?: number | undefined;
}

/** The reference's results file, as pandas writes it. */
export function resultsCsv(rows: readonly ResultsRow[]): string {
  return csvTable(
    ['epoch', 'train_loss', 'test_acc@1', 'test_acc@5'],
    rows.map(({ epoch, trainLoss, top1, top5 }) => [
      String(epoch),
      ...[trainLoss, top1, top5].map(orNone),
    ]),
  );
}

/**
 * The results of a run without labels: what was measured instead of kNN accuracy.
 * @param measures their names, by which they are in the rows
 */
export function unlabelledResultsCsv<Name extends string>(
  rows: readonly (ResultsRow & { readonly [name in Name]?: number | undefined })[],
  measures: readonly Name[],
): string {
  return csvTable(
    ['epoch', 'train_loss', ...measures.map(snakeCase)],
    rows.map((row) => [
      String(row.epoch),
      ...[row.trainLoss, ...measures.map((name) => row[name])].map(orNone),
    ]),
  );
}

/** pandas' missing number. */
function orNone(value: number | undefined): number {
  return value ?? Number.NaN;
}

/** `effectiveRank` as a column's name: `effective_rank`. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
