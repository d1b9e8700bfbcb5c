import type { EventOutput, RunText } from './eventText.js';

/** Milliseconds between two lines inside an epoch. */
const PROGRESS_EVERY = 30_000;

/** Plain lines, for a file or a pipe. Warnings go to standard error. */
export class LinesOutput<Event> implements EventOutput<Event> {
  readonly #text: RunText<Event>;
  #lastLine = performance.now();

  constructor(text: RunText<Event>) {
    this.#text = text;
  }

  show(event: Event): void {
    const { lines = [], warning, progress } = this.#text.textOf(event);
    if (progress !== undefined && performance.now() - this.#lastLine > PROGRESS_EVERY) {
      const { title, step, stepsPerEpoch, metrics } = progress;
      this.#print(`${title}  step ${step}/${stepsPerEpoch}  ${metrics}`);
    }
    for (const line of lines) this.#print(line);
    if (warning !== undefined) console.error(`warning: ${warning}`);
  }

  [Symbol.dispose](): void {}

  #print(line: string): void {
    console.log(line);
    this.#lastLine = performance.now();
  }
}
