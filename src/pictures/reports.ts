/** How far work on many pictures is. */
export interface PicturesProgress {
  /** The file in the making, or what is read. */
  readonly path: string;
  /** Pictures that were worked on, and how many there are. */
  readonly done: number;
  readonly total: number;
  /** How many of them, and of what else was found, are broken. */
  readonly broken: number;
  /** Pictures per second; undefined while nothing was done yet. */
  readonly perSecond: number | undefined;
  /** Estimate for the rest; undefined while nothing was done yet. */
  readonly secondsLeft: number | undefined;
}

/** Milliseconds between two reports. */
const REPORT_EVERY = 200;

/** Reports now and then, and at the end. */
export class Reports {
  readonly #start = performance.now();
  #last = Number.NEGATIVE_INFINITY;

  /** @param first the picture with which the work begins */
  constructor(
    readonly path: string,
    readonly first: number,
    readonly total: number,
    readonly tell: (progress: PicturesProgress) => void,
  ) {}

  report(done: number, broken: number): void {
    const now = performance.now();
    const { path, first, total } = this;
    if (now - this.#last < REPORT_EVERY && done < total) return;
    this.#last = now;
    const seconds = (now - this.#start) / 1000;
    const hasBegun = done > first;
    const perSecond = hasBegun ? (done - first) / seconds : undefined;
    const secondsLeft = hasBegun ? ((total - done) * seconds) / (done - first) : undefined;
    this.tell({ path, done, total, broken, perSecond, secondsLeft });
  }
}
