import { clearLine, cursorTo } from 'node:readline';
import cliProgress from 'cli-progress';
import type { EpochEvent, StepEvent, TrainEvent } from '../index.js';
import type { EventOutput } from './trainOutput.js';
import { epochLine, epochTitle, footer, header, QueueNotes, stepMetrics } from './trainText.js';

/** Width of a terminal that does not tell its own. */
const DEFAULT_COLUMNS = 80;

/** One live line per epoch, replaced by a lasting one. Warnings go to standard error. */
export class TerminalOutput implements EventOutput {
  readonly #notes = new QueueNotes();
  #bar: cliProgress.SingleBar | undefined;
  #epoch: EpochEvent | undefined;

  show(event: TrainEvent): void {
    const note = this.#notes.after(event);
    if (note !== undefined) this.#print(note);
    if (event.type === 'start') for (const line of header(event)) this.#print(line);
    if (event.type === 'warning') console.error(`warning: ${event.message}`);
    if (event.type === 'step') this.#showStep(event);
    if (event.type === 'epoch') this.#showEpoch(event);
    if (event.type === 'evaluation') this.#print(epochLine(this.#epoch as EpochEvent, event));
    for (const line of footer(event)) this.#print(line);
  }

  /** Takes the live line away. */
  [Symbol.dispose](): void {
    this.#clear();
  }

  #showStep(step: StepEvent): void {
    const texts = { title: epochTitle(step), metrics: stepMetrics(step) };
    if (this.#bar) {
      this.#bar.update(step.step, texts);
    } else {
      this.#bar = newBar();
      this.#bar.start(step.stepsPerEpoch, step.step, texts);
    }
  }

  /** Stays until the evaluation is done. */
  #showEpoch(epoch: EpochEvent): void {
    this.#clear();
    this.#epoch = epoch;
    const columns = process.stdout.columns || DEFAULT_COLUMNS;
    process.stdout.write(epochLine(epoch).slice(0, columns - 1));
  }

  #print(line: string): void {
    this.#clear();
    console.log(line);
  }

  #clear(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    cursorTo(process.stdout, 0);
    clearLine(process.stdout, 0);
  }
}

function newBar(): cliProgress.SingleBar {
  return new cliProgress.SingleBar(
    {
      stream: process.stdout,
      format: '{title} {bar} {value}/{total}  {metrics}',
      barsize: 12,
      clearOnComplete: true,
      linewrap: true, // cuts the line to the terminal's width, and leaves no setting behind
    },
    cliProgress.Presets.shades_classic,
  );
}
