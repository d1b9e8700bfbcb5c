import { clearLine, cursorTo } from 'node:readline';
import type { SetupEvent } from '../index.js';

/** Shows a set-up on standard error: lines, and on a terminal what goes on right now. */
export class SetupOutput implements Disposable {
  readonly #stream = process.stderr;

  show(event: SetupEvent): void {
    if (event.type === 'progress') {
      this.#showLive(event.text);
      return;
    }
    this[Symbol.dispose]();
    if (event.type === 'note') console.error(event.text);
    else console.error(`${event.reason}\nsetting moco up, once (--no-setup forbids that):`);
  }

  /** Takes the live line away. */
  [Symbol.dispose](): void {
    if (!this.#stream.isTTY) return;
    cursorTo(this.#stream, 0);
    clearLine(this.#stream, 0);
  }

  #showLive(text: string): void {
    if (!this.#stream.isTTY) return;
    this[Symbol.dispose]();
    this.#stream.write(text.slice(0, this.#stream.columns - 1));
  }
}
