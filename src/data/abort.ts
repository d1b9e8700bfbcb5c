import { MocoError } from '../error.js';

/** @throws MocoError `ERR_MOCO_ABORTED` once the signal has been given */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  const message = 'loading the data set was stopped';
  throw new MocoError('ERR_MOCO_ABORTED', message, { cause: signal.reason });
}
