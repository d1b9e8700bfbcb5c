import type { EpochEvent, EvaluationEvent, StepEvent } from './events.js';
import type { EvaluatedEpoch, LogLengths } from './runState.js';

/** Keeps what happens in a run: in files, or, in a process that only helps another one, not at all. */
export interface RunRecord {
  /** Where files of an earlier run with the same parameters were moved to, if there were any. */
  readonly previousRun: string | undefined;
  /** How long the files are that grow with the run. */
  readonly lengths: LogLengths;
  requireOpen(): void;
  recordSteps(steps: readonly StepEvent[]): Promise<void>;
  recordEpoch(epoch: EpochEvent): Promise<void>;
  recordUntrained(evaluation: EvaluationEvent): Promise<void>;
  recordEvaluation(
    epoch: EpochEvent,
    evaluation: EvaluationEvent,
    results: readonly EvaluatedEpoch[],
  ): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Of a process whose run another one records. */
export const NOT_RECORDED: RunRecord = {
  previousRun: undefined,
  lengths: { metrics: 0, tensorBoard: { file: '', bytes: 0 } },
  requireOpen() {},
  async recordSteps() {},
  async recordEpoch() {},
  async recordUntrained() {},
  async recordEvaluation() {},
  async flush() {},
  async close() {},
};
