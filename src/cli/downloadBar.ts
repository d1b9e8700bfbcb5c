import cliProgress from 'cli-progress';
import type { DownloadProgress } from '../index.js';

/** After how many more per cent there is another line where there is no terminal. */
const LINE_EVERY = 10;

/** Shows a download on standard error: a bar on a terminal, a line now and then elsewhere. */
export class DownloadBar implements Disposable {
  #url: string | undefined;
  #bar: cliProgress.SingleBar | undefined;
  #nextLine = LINE_EVERY;

  show(progress: DownloadProgress): void {
    if (progress.url !== this.#url) this.#begin(progress);
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

  #begin({ url, received, total = 0 }: DownloadProgress): void {
    this[Symbol.dispose]();
    this.#url = url;
    this.#nextLine = LINE_EVERY;
    console.error(`downloading ${url}`);
    this.#bar = new cliProgress.SingleBar(
      { format: '  {bar} {value}/{total} MB', linewrap: true },
      cliProgress.Presets.shades_classic,
    );
    this.#bar.start(megabytes(total), megabytes(received));
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
