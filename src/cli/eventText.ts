/** Prints the events of a run. */
export interface EventOutput<Event> extends Disposable {
  show(event: Event): void;
}

/** Turns the events of a run into text. */
export interface RunText<Event> {
  textOf(event: Event): EventText;
}

/** The text of one event; without any part where nothing is to be said of it. */
export interface EventText {
  /** Lines that stay. */
  readonly lines?: readonly string[];
  /** A warning, for standard error. */
  readonly warning?: string;
  /** A line that stands on a terminal until the next one replaces it. */
  readonly live?: string;
  /** Shown as a bar on a terminal, and as a line now and then elsewhere. */
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
