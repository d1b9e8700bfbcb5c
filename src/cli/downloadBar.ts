import cliProgress from 'cli-progress';
import type { DownloadProgress } from '../index.js';

/** After how many more per cent there is another line where there is no terminal. */
const LINE_EVERY = 10;

/** Shows a download on standard error: a bar on a terminal, a line now and then elsewhere. */
export class DownloadBar implements Disposable {
  #title: string | undefined;
  #bar: cliProgress.SingleBar | undefined;
  #nextLine = LINE_EVERY;

  show(progress: DownloadProgress): void {
    const title = titleOf(progress);
    if (title !== this.#title) this.#begin(title, progress);
    const { received, total = 0 } = progress;
    this.#bar?.setTotal(megabytes(total));
    this.#bar?.update(megabytes(received));
    const percent = (100 * received) / total;
    if (process.stderr.isTTY || total === 0 || percent < this.#nextLine) return;
    console.error(`  ${Math.floor(percent)} % of ${megabytes(total)} MB`);
    this.#nextLine = Math.floor(percent / LINE_EVERY) * LINE_EVERY + LINE_EVERY;
  }

  /** Leaves the bar as it stands. Can be called more than once. */
  [Symbol.dispose](): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #begin(title: string, { received, total = 0, waitingFor }: DownloadProgress): void {
    this[Symbol.dispose]();
    this.#title = title;
    this.#nextLine = LINE_EVERY;
    console.error(title);
    if (waitingFor !== undefined) return;
    this.#bar = new cliProgress.SingleBar(
      { format: '  {bar} {value}/{total} MB', linewrap: true },
      cliProgress.Presets.shades_classic,
    );
    this.#bar.start(megabytes(total), megabytes(received));
  }
}

function titleOf({ url, waitingFor }: DownloadProgress): string {
  if (waitingFor === undefined) return `downloading ${url}`;
  return `waiting for another run, which fetches ${url} (its lock: ${waitingFor})`;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
