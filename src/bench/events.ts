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
  readonly onEvent?: ((event: BenchEvent) => void) | undefined;
  /** Ends the measurement that runs, soon. */
  readonly signal?: AbortSignal | undefined;
}
