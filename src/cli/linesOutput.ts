import type { EpochEvent, TrainEvent } from '../index.js';
import type { EventOutput } from './trainOutput.js';
import { epochLine, epochTitle, footer, header, QueueNotes, stepMetrics } from './trainText.js';

/** Milliseconds between two lines inside an epoch. */
const PROGRESS_EVERY = 30_000;

/** Plain lines, for a file or a pipe. Warnings go to standard error. */
export class LinesOutput implements EventOutput {
  readonly #notes = new QueueNotes();
  #epoch: EpochEvent | undefined;
  #lastLine = performance.now();

  show(event: TrainEvent): void {
    for (const line of this.#lines(event)) this.#print(line);
    const note = this.#notes.after(event);
    if (note !== undefined) this.#print(note);
    if (event.type === 'warning') console.error(`warning: ${event.message}`);
  }

  [Symbol.dispose](): void {}

  #lines(event: TrainEvent): string[] {
    if (event.type === 'start') return header(event);
    if (event.type === 'epoch') this.#epoch = event;
    if (event.type === 'evaluation') return [epochLine(this.#epoch as EpochEvent, event)];
    if (event.type === 'step' && performance.now() - this.#lastLine > PROGRESS_EVERY) {
      return [
        `${epochTitle(event)}  step ${event.step}/${event.stepsPerEpoch}  ${stepMetrics(event)}`,
      ];
    }
    return footer(event);
  }

  #print(line: string): void {
    console.log(line);
    this.#lastLine = performance.now();
  }
}
