import { MocoError } from '#moco/error.js';

/** The events of a run, and the error that it ended with, if any. */
export async function collect<T>(
  run: AsyncIterable<T>,
): Promise<{ events: T[]; error?: MocoError }> {
  const events: T[] = [];
  try {
    for await (const event of run) events.push(event);
    return { events };
  } catch (error) {
    if (!(error instanceof MocoError)) throw error;
    return { events, error };
  }
}
