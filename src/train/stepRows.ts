import { STEP_COLUMNS } from '../native/trainer.js';

/** One row of the native trainer's metrics. */
export interface StepRow {
  readonly step: number;
  readonly loss: number;
  readonly contrastiveAccuracy: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
  readonly seconds: number;
  readonly queueFill: number;
  /** How much of the time the run's thread had no core to compute on; 0 where that is unknown. */
  readonly secondsWithoutCore: number;
}

export function decodeStepRows(numbers: Float64Array): StepRow[] {
  const rows: StepRow[] = [];
  for (let start = 0; start < numbers.length; start += STEP_COLUMNS) {
    const row = numbers.subarray(start, start + STEP_COLUMNS);
    const [step, loss, contrastiveAccuracy, gradientNorm, learningRate, ...timesAndQueue] =
      row as unknown as [number, number, number, number, number, number, number, number];
    const [seconds, queueFill, secondsWithoutCore] = timesAndQueue;
    rows.push({
      step,
      loss,
      contrastiveAccuracy,
      gradientNorm,
      learningRate,
      seconds,
      queueFill,
      secondsWithoutCore,
    });
  }
  return rows;
}
