import { csvTable } from './csvTable.js';

/** One line of the reference's results. */
export interface ResultsRow {
  readonly epoch: number;
  /** Mean loss of the epoch. */
  readonly trainLoss: number;
  /** kNN accuracy, per cent. */
  readonly top1: number;
  readonly top5: number;
}

/** The reference's results file, as pandas writes it. */
export function resultsCsv(rows: readonly ResultsRow[]): string {
  return csvTable(
    ['epoch', 'train_loss', 'test_acc@1', 'test_acc@5'],
    rows.map(({ epoch, trainLoss, top1, top5 }) => [String(epoch), trainLoss, top1, top5]),
  );
}
