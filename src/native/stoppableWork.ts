import { throwIfAborted } from '../abort.js';
import { MocoError } from '../error.js';

/** What runs one job at a time in the addon. */
interface NativeWorker {
  stop(): void;
  dispose(): Promise<void>;
}

/**
 * Work that a signal may end, whenever it is given: it ends the job of the addon that runs, and
 * where none does, nothing more is begun.
 */
export class StoppableWork {
  readonly #what: string;
  readonly #signal: AbortSignal | undefined;

  /**
   * @param what is being done, in words
   * @throws MocoError `ERR_MOCO_ABORTED` where the signal was given before
   */
  constructor(what: string, signal: AbortSignal | undefined) {
    this.#what = what;
    this.#signal = signal;
    this.throwIfStopped();
  }

  get signal(): AbortSignal | undefined {
    return this.#signal;
  }

  get isStopped(): boolean {
    return this.#signal?.aborted ?? false;
  }

  /** @throws MocoError `ERR_MOCO_ABORTED` once the signal has been given */
  throwIfStopped(): void {
    throwIfAborted(this.#signal, this.#what);
  }

  /**
   * Makes an object of the addon; where the signal is given meanwhile, it is disposed of.
   * @throws MocoError what `make` rejects with; `ERR_MOCO_ABORTED`
   */
  async make<Native extends NativeWorker>(make: () => Promise<Native>): Promise<Native> {
    this.throwIfStopped();
    const native = await make().catch(rejectOurs);
    if (this.isStopped) await native.dispose();
    this.throwIfStopped();
    return native;
  }

  /**
   * Runs a job of the addon that other processes take part in: it also begins where the signal was
   * given before, is told to stop then, and ends for all of them.
   * @throws MocoError what `job` rejects with
   */
  async runTogether<Result>(
    native: Pick<NativeWorker, 'stop'>,
    job: () => Promise<Result>,
  ): Promise<Result> {
    const stop = () => native.stop();
    this.#signal?.addEventListener('abort', stop);
    try {
      const running = job();
      if (this.isStopped) stop();
      return await running;
    } catch (error) {
      throw MocoError.from(error);
    } finally {
      this.#signal?.removeEventListener('abort', stop);
    }
  }

  /**
   * Runs a job of the addon, which is told to stop when the signal is given.
   * @throws MocoError what `job` rejects with; `ERR_MOCO_ABORTED` where the signal was given before
   */
  async run<Result>(
    native: Pick<NativeWorker, 'stop'>,
    job: () => Promise<Result>,
  ): Promise<Result> {
    this.throwIfStopped();
    const stop = () => native.stop();
    this.#signal?.addEventListener('abort', stop);
    try {
      return await job();
    } catch (error) {
      const ours = MocoError.from(error);
      if (ours.code === 'ERR_MOCO_ABORTED') this.throwIfStopped(); // with the signal's reason
      throw ours;
    } finally {
      this.#signal?.removeEventListener('abort', stop);
    }
  }
}

function rejectOurs(error: unknown): never {
  throw MocoError.from(error);
}
