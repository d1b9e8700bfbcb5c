import type { DownloadProgress } from './transfer.js';

/** Is told how far work is. */
export type ProgressListener<Progress> = (progress: Progress) => void | Promise<void>;

export type DownloadListener = ProgressListener<DownloadProgress>;

/**
 * Does work whose progress somebody listens to. What the listener throws, at once or later, ends the
 * work and is thrown on unchanged: it is no failure of the network, nor of the disk.
 * @param signal ends the work, too
 * @param work gets what to tell of its progress, and the signal that ends it
 */
export async function whileListening<Progress, Result>(
  listener: ProgressListener<Progress> | undefined,
  signal: AbortSignal | undefined,
  work: (tell: (progress: Progress) => void, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  const failures: unknown[] = [];
  const fail = (error: unknown) => {
    failures.push(error);
    controller.abort();
  };
  let heard: Promise<unknown> = Promise.resolve();
  const tell = (progress: Progress) => {
    const hearing = (async () => await listener?.(progress))().catch(fail);
    heard = Promise.all([heard, hearing]);
  };
  signal?.addEventListener('abort', abort);
  if (signal?.aborted) abort(); // then the listener is never called
  try {
    const [outcome] = await Promise.allSettled([work(tell, controller.signal)]);
    await heard;
    if (failures.length > 0) throw failures[0];
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
