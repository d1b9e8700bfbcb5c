import * as check from '../arguments/check.js';
import type { BenchConfig } from '../config/benchConfig.js';
import type { BenchDescription, Precision } from './benchmarks.js';
import type { Measurement } from './measure.js';

/** The first event: the models are made, and measuring begins. */
export interface BenchStartEvent {
  readonly type: 'start';
  readonly config: BenchConfig;
  readonly description: BenchDescription;
}

/** One measurement begins. */
export interface BenchMeasuringEvent {
  readonly type: 'measuring';
  /** From 1; 0 warms up. */
  readonly round: number;
  readonly rounds: number;
  readonly measurement: Measurement;
  /** Absent where it is the same in all precisions. */
  readonly precision?: Precision;
}

export type BenchEvent = BenchStartEvent | BenchMeasuringEvent;

/** How a caller follows a measurement, and ends it early. */
export interface BenchOptions {
  /** Called with every event, in order; the measurement waits for what it returns. */
  readonly onEvent?: ((event: BenchEvent) => void | Promise<void>) | undefined;
  /** Ends the measurement that runs, soon. */
  readonly signal?: AbortSignal | undefined;
}

/** What `bench` and `profileStep` check their arguments by. */
export const BENCH_ARGUMENTS = {
  options: check.options<BenchOptions>({ onEvent: check.callback, signal: check.signal }),
};
