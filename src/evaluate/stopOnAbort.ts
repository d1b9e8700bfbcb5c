import { MocoError } from '../error.js';
import type { NativeEvaluator } from '../native/evaluator.js';

/**
 * Lets a signal end whatever job runs, until it is disposed of.
 * @throws MocoError `ERR_MOCO_ABORTED` where the signal was given before
 */
export function stopOnAbort(native: NativeEvaluator, signal: AbortSignal | undefined): Disposable {
  throwIfAborted(signal);
  const stop = () => native.stop();
  signal?.addEventListener('abort', stop);
  return { [Symbol.dispose]: () => signal?.removeEventListener('abort', stop) };
}

/** @throws MocoError `ERR_MOCO_ABORTED` once the signal has been given */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new MocoError('ERR_MOCO_ABORTED', 'the evaluation was stopped', { cause: signal.reason });
}
