import type { ServeConfig } from '../config/serveConfig.js';
import type { Encoder } from '../embed/encoder.js';
import { loadEncoder } from '../embed/loadEncoder.js';
import { NeighbourIndex } from '../search/neighbourIndex.js';
import { encoderOptions } from './encoderOptions.js';
import { indexNotices } from './indexFit.js';

/** What a service of its own offers. */
export interface Served extends AsyncDisposable {
  readonly encoder: Encoder;
  readonly index: NeighbourIndex | undefined;
  /** What the user should know of both, one line each. */
  readonly notices: readonly string[];
}

/**
 * Loads what a service offers.
 * @throws MocoError as `loadEncoder` and `NeighbourIndex.load`
 */
export async function loadServed(
  config: ServeConfig,
  signal: AbortSignal | undefined,
): Promise<Served> {
  const encoder = await loadEncoder(config.modelPath, encoderOptions(config, signal));
  const { description } = encoder;
  let index: NeighbourIndex | undefined;
  const dispose = async () => {
    await index?.dispose();
    await encoder.dispose();
  };
  try {
    const notices = [...description.notices];
    if (config.index !== undefined) {
      index = await NeighbourIndex.load(config.index, { threads: config.threads, signal });
      notices.push(...(await indexNotices(index, description, signal)));
    }
    return { encoder, index, notices, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
