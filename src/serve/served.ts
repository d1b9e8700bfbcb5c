import type { ServeConfig } from '../config/serveConfig.js';
import type { Encoder } from '../embed/encoder.js';
import { loadEncoder } from '../embed/loadEncoder.js';
import { quietSharp } from '../pictures/sharp.js';
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
  const releases: (() => void | Promise<void>)[] = [];
  const dispose = async () => {
    for (const release of releases.splice(0).reverse()) await release();
  };
  try {
    const quiet = await quietSharp(); // pictures of requests do not come again
    releases.push(() => quiet[Symbol.dispose]());
    const encoder = await loadEncoder(config.modelPath, encoderOptions(config, signal));
    releases.push(() => encoder.dispose());
    const index = await loadIndex(config, signal);
    if (index) releases.push(() => index.dispose());
    const { description } = encoder;
    const doubts = index ? await indexNotices(index, description, signal) : [];
    const notices = [...description.notices, ...doubts];
    return { encoder, index, notices, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function loadIndex({ index, threads }: ServeConfig, signal: AbortSignal | undefined) {
  return index === undefined
    ? undefined
    : await NeighbourIndex.load(index, { threads, verify: true, signal });
}
