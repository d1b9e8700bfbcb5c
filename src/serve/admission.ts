import { RequestError, unavailable } from './requestError.js';
import { RequestWork } from './requestWork.js';

/** How much is done at once, and how long it may take. */
export interface AdmissionLimits {
  /** Requests that are received and answered at once. */
  readonly maxRequests: number;
  /** Seconds from the head of a request to its answer. */
  readonly workTimeout: number;
  /** Seconds in which requests are finished that were there when the service was closed. */
  readonly drainTimeout: number;
}

/** In which work that was ended stops. */
const LAST_SECONDS = 1;

/** Lets requests in, as many as there is room for, and none any more once the service is closed. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #works = new Set<RequestWork>();
  #drained: Promise<void> | undefined;
  #onEmpty: () => void = () => {};

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get isDraining(): boolean {
    return this.#drained !== undefined;
  }

  /** Requests that are being worked on. */
  get count(): number {
    return this.#works.size;
  }

  /** @throws RequestError 503 where the service is full, or is being closed */
  enter(): RequestWork {
    if (this.isDraining) {
      throw unavailable('draining', 'the service is shutting down', 'Ask another one, or later.');
    }
    const { maxRequests, workTimeout } = this.#limits;
    if (this.#works.size >= maxRequests) {
      const message = `the service works on ${maxRequests} requests already, the most it takes`;
      throw unavailable('busy', message, 'Try again after the time in Retry-After.');
    }
    const work: RequestWork = new RequestWork(workTimeout, () => this.#leave(work));
    this.#works.add(work);
    return work;
  }

  /** Lets nothing in any more, and waits until all work is done; what takes too long is ended. */
  drain(): Promise<void> {
    this.#drained ??= this.#finish();
    return this.#drained;
  }

  async #finish(): Promise<void> {
    const { drainTimeout } = this.#limits;
    if (await this.#emptyWithin(drainTimeout)) return;
    this.#endAll(drainTimeout);
    await this.#emptyWithin(LAST_SECONDS); // and no longer, whatever hangs
  }

  /** @returns whether all work was done by then */
  async #emptyWithin(seconds: number): Promise<boolean> {
    if (this.#works.size === 0) return true;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), seconds * 1000);
      this.#onEmpty = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #endAll(seconds: number): void {
    const message = `the service is shutting down, and this request took more than ${seconds} s`;
    const error = unavailable('draining', message, 'Ask another one, or later.');
    for (const work of this.#works) work.end(error);
  }

  #leave(work: RequestWork): void {
    this.#works.delete(work);
    if (this.#works.size === 0) this.#onEmpty();
  }
}

/** A client that has gone is answered nothing; this is what its work ends with. */
export function clientGone(): RequestError {
  return new RequestError(499, 'aborted', 'the client has gone');
}
