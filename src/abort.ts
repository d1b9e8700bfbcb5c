import { MocoError } from './error.js';

/**
 * Ends work whose signal has been given.
 * @param work what is being done, in words
 * @throws MocoError `ERR_MOCO_ABORTED` once the signal has been given
 */
export function throwIfAborted(signal: AbortSignal | undefined, work: string): void {
  if (!signal?.aborted) return;
  throw new MocoError('ERR_MOCO_ABORTED', `${work} was stopped`, { cause: signal.reason });
}
