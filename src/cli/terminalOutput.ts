import { clearLine, cursorTo } from 'node:readline';
import cliProgress from 'cli-progress';
import type { EventOutput, RunText, StepProgress } from './eventText.js';

/** Width of a terminal that does not tell its own. */
const DEFAULT_COLUMNS = 80;

/** One live line, replaced by lasting ones. Warnings go to standard error. */
export class TerminalOutput<Event> implements EventOutput<Event> {
  readonly #text: RunText<Event>;
  #bar: cliProgress.SingleBar | undefined;

  constructor(text: RunText<Event>) {
    this.#text = text;
  }

  show(event: Event): void {
    const { lines = [], warning, live, progress } = this.#text.textOf(event);
    for (const line of lines) this.#print(line);
    if (warning !== undefined) console.error(`warning: ${warning}`);
    if (progress !== undefined) this.#showProgress(progress);
    if (live !== undefined) this.#showLive(live);
  }

  /** Takes the live line away. */
  [Symbol.dispose](): void {
    this.#clear();
  }

  #showProgress({ step, stepsPerEpoch, ...texts }: StepProgress): void {
    if (this.#bar) {
      this.#bar.update(step, texts);
    } else {
      this.#bar = newBar();
      this.#bar.start(stepsPerEpoch, step, texts);
    }
  }

  #showLive(line: string): void {
    this.#clear();
    const columns = process.stdout.columns || DEFAULT_COLUMNS;
    process.stdout.write(line.slice(0, columns - 1));
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
