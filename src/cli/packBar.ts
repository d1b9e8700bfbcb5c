import cliProgress from 'cli-progress';
import type { PackProgress } from '../index.js';
import { duration, rate } from './quantities.js';
import { shownPath } from './shownPath.js';

/** Milliseconds between two lines where there is no terminal. */
const LINE_EVERY = 10_000;

/** Shows how far reading pictures is on standard error: a bar on a terminal, lines elsewhere. */
export class PackBar implements Disposable {
  readonly #verb: string;
  #title: string | undefined;
  #bar: cliProgress.SingleBar | undefined;
  #lastLine = performance.now();

  /** @param verb what is done with the file: `packing` */
  constructor(verb: string) {
    this.#verb = verb;
  }

  show(progress: PackProgress): void {
    const title = titleOf(this.#verb, progress);
    if (title !== this.#title) this.#begin(title, progress);
    const left = leftOf(progress);
    this.#bar?.update(progress.done, { left });
    if (process.stderr.isTTY || performance.now() - this.#lastLine < LINE_EVERY) return;
    this.#lastLine = performance.now();
    console.error(`  ${progress.done} of ${progress.total}${left}`);
  }

  /** Leaves the bar as it stands. Can be called more than once. */
  [Symbol.dispose](): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #begin(title: string, { done, total, waitingFor }: PackProgress): void {
    this[Symbol.dispose]();
    this.#title = title;
    console.error(title);
    if (waitingFor !== undefined) return;
    this.#bar = new cliProgress.SingleBar(
      { format: '  {bar} {value}/{total}{left}', linewrap: true },
      cliProgress.Presets.shades_classic,
    );
    this.#bar.start(total, done, { left: '' });
  }
}

function titleOf(verb: string, { path, waitingFor }: PackProgress): string {
  if (waitingFor === undefined) return `${verb} ${shownPath(path)}`;
  return `waiting for another process, which packs ${shownPath(path)} (its lock: ${waitingFor})`;
}

/** `, 3 broken, 512 pictures/s, 2 min 5 s left` */
function leftOf({ broken, perSecond, secondsLeft }: PackProgress): string {
  const failed = broken > 0 ? `, ${broken} broken` : '';
  const speed = perSecond === undefined ? '' : `, ${rate(perSecond)}`;
  const left = secondsLeft === undefined ? '' : `, ${duration(secondsLeft)} left`;
  return `${failed}${speed}${left}`;
}
