import { MocoError } from '#moco/error.js';

/** What a run gives, up to its error if it has one. */
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
