/** Where a run's events go. */
export interface EventOutput<Event> extends Disposable {
  show(event: Event): void;
}

/** How a run's events read. */
export interface RunText<Event> {
  textOf(event: Event): EventText;
}

/** What one event reads like; nothing where it is not worth a word. */
export interface EventText {
  /** Lines that stay. */
  readonly lines?: readonly string[];
  /** For standard error. */
  readonly warning?: string;
  /** Stands on a terminal until the next line. */
  readonly live?: string;
  /** A bar on a terminal, a line now and then elsewhere. */
  readonly progress?: StepProgress;
}

/** How far a run is within an epoch. */
export interface StepProgress {
  /** `epoch 3/500` */
  readonly title: string;
  /** From 1. */
  readonly step: number;
  readonly stepsPerEpoch: number;
  readonly metrics: string;
}
