import type { BestBy } from '../config/measures.js';
import type { TrainConfig } from '../config/trainConfig.js';
import type { NativeEvaluation } from '../native/trainer.js';
import { TimeLeft } from '../run/timeLeft.js';
import { asBest, bestOf, isBetter } from './bestEpoch.js';
import type {
  BestEpoch,
  EpochEvent,
  EvaluationEvent,
  StepEvent,
  TrainerDescription,
} from './events.js';
import { stepsOfEpoch, totalSteps } from './runLength.js';
import type { EpochSums, EvaluatedEpoch, Measured, ProgressState } from './runState.js';
import type { StepRow } from './stepRows.js';

const NO_STEPS: EpochSums = {
  steps: 0,
  loss: 0,
  contrastiveAccuracy: 0,
  gradientNorm: 0,
  seconds: 0,
  learningRate: 0,
  queueFill: 0,
};

/**
 * How far a run is; makes the run's events of that. A checkpoint holds the sums from which means
 * are taken, so that an epoch that was interrupted ends with the same means, to the last bit.
 */
export class Progress {
  readonly #config: TrainConfig;
  readonly #stepsPerEpoch: number;
  readonly #bestBy: BestBy;
  readonly #timeLeft: TimeLeft;
  readonly #results: EvaluatedEpoch[];
  readonly #secondsBefore: number;
  readonly #begin = performance.now();
  #epoch: number;
  #step: number;
  #sums: EpochSums;
  #best: BestEpoch | undefined;
  #untrained: Measured | undefined;

  /**
   * @param state where to go on from; the start of a run where it is absent
   * @param spentSeconds what of the run's time was gone before its first step
   */
  constructor(
    config: TrainConfig,
    { stepsPerEpoch, bestBy }: Pick<TrainerDescription, 'stepsPerEpoch' | 'bestBy'>,
    state?: ProgressState,
    spentSeconds = 0,
  ) {
    this.#config = config;
    this.#stepsPerEpoch = stepsPerEpoch;
    this.#bestBy = bestBy;
    this.#epoch = state?.epoch ?? 0;
    this.#step = state?.step ?? 0;
    this.#sums = state?.sums ?? NO_STEPS;
    this.#results = [...(state?.results ?? [])];
    this.#best = bestOf(this.#results, bestBy);
    this.#untrained = state?.untrained;
    this.#secondsBefore = (state?.seconds ?? 0) + spentSeconds;
    const done = this.#epoch * stepsPerEpoch + this.#step;
    const steps = Math.max(0, totalSteps(config, stepsPerEpoch) - done); // a cut epoch counts whole
    const evaluations = evaluationsAfter(this.#epoch, config) + (this.isUntrainedDue ? 1 : 0);
    this.#timeLeft = new TimeLeft(steps, evaluations);
  }

  /** Whether the untrained encoder is to be evaluated now, and was not. */
  get isUntrainedDue(): boolean {
    const isAtStart = this.#epoch === 0 && this.#step === 0;
    return this.#config.evalUntrained && isAtStart && this.#untrained === undefined;
  }

  /** How good the encoder was before the first step, where that was measured. */
  get untrained(): Measured | undefined {
    return this.#untrained;
  }

  /** Number of the epoch that is being trained, from 1. */
  get epoch(): number {
    return this.#epoch + 1;
  }

  /** How many steps of this epoch are done. */
  get step(): number {
    return this.#step;
  }

  /** How many steps this epoch has. */
  get stepsOfEpoch(): number {
    return stepsOfEpoch(this.epoch, this.#config, this.#stepsPerEpoch);
  }

  /**
   * Whether all steps of this epoch are done, so that only its evaluation and files are missing.
   */
  get isTrained(): boolean {
    return this.#step === this.stepsOfEpoch;
  }

  get isDone(): boolean {
    return this.#epoch >= this.#config.epochs;
  }

  /** Duration of the whole run, with the parts before it was resumed. */
  get seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#begin) / 1000;
  }

  /** Estimate for the rest. */
  get secondsLeft(): number {
    return this.#timeLeft.seconds;
  }

  /** With how many steps in all the run would end after so many more seconds; 0 where with none. */
  stepsWithin(seconds: number): number {
    const more = this.#timeLeft.stepsWithin(seconds);
    return more === 0 ? 0 : this.#epoch * this.#stepsPerEpoch + this.#step + more;
  }

  /** The best of the epochs evaluated so far. */
  get best(): BestEpoch | undefined {
    return this.#best;
  }

  get results(): readonly EvaluatedEpoch[] {
    return this.#results;
  }

  state(): ProgressState {
    return {
      epoch: this.#epoch,
      step: this.#step,
      stepsPerEpoch: this.#stepsPerEpoch,
      sums: this.#sums,
      results: this.#results,
      best: this.#best,
      ...(this.#untrained && { untrained: this.#untrained }),
      seconds: this.seconds,
    };
  }

  #picturesPerStep(): number {
    return this.#config.batchSize * this.#config.accumulate;
  }

  finishStep(row: StepRow): StepEvent {
    const { step, secondsWithoutCore: _, ...metrics } = row;
    this.#step = step;
    this.#sums = added(this.#sums, row);
    this.#timeLeft.stepTook(row.seconds);
    return {
      type: 'step',
      ...{ epoch: this.epoch, epochs: this.#config.epochs },
      ...{ step, stepsPerEpoch: this.stepsOfEpoch },
      ...metrics,
      picturesPerSecond: this.#picturesPerStep() / row.seconds,
      secondsLeft: this.#timeLeft.seconds,
    };
  }

  /** The event of this epoch, after its last step. */
  trained(): EpochEvent {
    const { steps, loss, contrastiveAccuracy, gradientNorm, seconds, ...last } = this.#sums;
    return {
      type: 'epoch',
      ...{ epoch: this.epoch, epochs: this.#config.epochs },
      loss: loss / steps,
      contrastiveAccuracy: contrastiveAccuracy / steps,
      gradientNorm: gradientNorm / steps,
      ...last,
      picturesPerSecond: (this.#picturesPerStep() * steps) / seconds,
      secondsLeft: this.#timeLeft.seconds,
      seconds,
      isEvaluated: isEvaluated(this.epoch, this.#config),
    };
  }

  /** Ends this epoch without an evaluation. */
  finishEpoch({ epoch }: EpochEvent): void {
    this.#epoch = epoch;
    this.#step = 0;
    this.#sums = NO_STEPS;
  }

  /** The event of the untrained encoder's evaluation. @param seconds that it took */
  finishUntrained(measured: NativeEvaluation, seconds: number): EvaluationEvent {
    const { top1, top5, measures } = measured;
    this.#timeLeft.evaluationTook(seconds);
    this.#untrained = { top1, top5, ...measures };
    return {
      type: 'evaluation',
      ...{ epoch: 0, epochs: this.#config.epochs },
      ...{ top1, top5, measures, isBest: false, best: undefined },
      ...{ seconds, secondsLeft: this.#timeLeft.seconds },
    };
  }

  /** Ends this epoch with an evaluation. @param seconds that the evaluation took */
  finishEvaluation(
    trained: EpochEvent,
    { top1, top5, measures }: NativeEvaluation,
    seconds: number,
  ): EvaluationEvent {
    const { epoch, epochs, loss } = trained;
    this.#timeLeft.evaluationTook(seconds);
    const row = { epoch, trainLoss: loss, top1, top5, ...measures };
    const isBest = isBetter(row, this.#best, this.#bestBy);
    const best = isBest ? asBest(row, this.#bestBy) : (this.#best as BestEpoch);
    this.#best = best;
    this.#results.push(row);
    this.finishEpoch(trained);
    return {
      type: 'evaluation',
      ...{ epoch, epochs, top1, top5, measures, isBest, best },
      ...{ seconds, secondsLeft: this.#timeLeft.seconds },
    };
  }
}

/** Whether an epoch ends with an evaluation: every n-th does, and the last. */
function isEvaluated(epoch: number, { evalEvery, epochs }: TrainConfig): boolean {
  return epoch % evalEvery === 0 || epoch === epochs;
}

/** How many evaluations of a run come after its first `epoch` epochs. */
function evaluationsAfter(epoch: number, { evalEvery, epochs }: TrainConfig): number {
  return Math.ceil(epochs / evalEvery) - Math.floor(epoch / evalEvery);
}

function added(sums: EpochSums, row: StepRow): EpochSums {
  return {
    steps: sums.steps + 1,
    loss: sums.loss + row.loss,
    contrastiveAccuracy: sums.contrastiveAccuracy + row.contrastiveAccuracy,
    gradientNorm: sums.gradientNorm + row.gradientNorm,
    seconds: sums.seconds + row.seconds,
    learningRate: row.learningRate,
    queueFill: row.queueFill,
  };
}
