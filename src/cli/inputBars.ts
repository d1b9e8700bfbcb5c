import type { DownloadProgress, PackProgress } from '../index.js';
import { DownloadBar } from './downloadBar.js';
import { PackBar } from './packBar.js';

/** Shows on standard error what comes before a command has its pictures: a download, or packing. */
export class InputBars implements Disposable {
  readonly #download = new DownloadBar();
  readonly #pack = new PackBar('packing');

  /** What a command passes on to the API. */
  readonly listeners = {
    onDownload: (progress: DownloadProgress) => this.#download.show(progress),
    onPack: (progress: PackProgress) => this.#pack.show(progress),
  };

  /** Leaves the bars as they stand. Can be called more than once. */
  [Symbol.dispose](): void {
    this.#download[Symbol.dispose]();
    this.#pack[Symbol.dispose]();
  }
}
