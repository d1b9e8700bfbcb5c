import { setImmediate } from 'node:timers/promises';
import { MocoError } from '../error.js';
import type { FeatureFile } from '../features/featureFile.js';
import { loadAddon } from '../native/load.js';
import type {
  NativeFeaturePlace,
  NativeSearcher,
  NativeSearcherConfig,
} from '../native/searcher.js';
import { StoppableWork } from '../native/stoppableWork.js';
import type { LoadOptions, Metric, SearchOptions } from './indexOptions.js';

/** Numbers that are copied at a time: so few that the event loop hardly notices. */
const SLICE = 524_288;

/**
 * A searcher with a copy of some vectors.
 * @param data count × dims
 * @throws MocoError `ERR_MOCO_NON_FINITE` for a vector with a number that is not finite;
 * `ERR_MOCO_CONFIG` where the vectors' buffer is detached or resized meanwhile;
 * `ERR_MOCO_OUT_OF_MEMORY`, `ERR_MOCO_DEVICE`, `ERR_MOCO_NATIVE_MISSING`; `ERR_MOCO_ABORTED`
 */
export async function searcherOf(
  data: Float32Array,
  dims: number,
  metric: Metric,
  options: SearchOptions,
): Promise<NativeSearcher> {
  const config = configOf(data.length / dims, dims, metric, options);
  return await makeSearcher(config, undefined, options.signal, async (native, work) => {
    const length = config.count * dims;
    const slice = dims * Math.max(1, Math.floor(SLICE / dims));
    for (let first = 0; first < length; first += slice) {
      work.throwIfStopped();
      if (data.length !== length) throw changed();
      const rows = new Float32Array(Math.min(slice, length - first)); // nobody else has it
      rows.set(data.subarray(first, first + rows.length));
      await native.append(rows);
      await setImmediate();
    }
  });
}

/**
 * A searcher of the vectors in a feature file, which is mapped into memory.
 * @throws MocoError as `searcherOf`; `ERR_MOCO_DATA` where the file cannot be mapped, or with
 * `verify` is damaged
 */
export async function searcherIn(
  { path, offset, dtype, count, dims, crc32 }: FeatureFile,
  metric: Metric,
  options: LoadOptions,
): Promise<NativeSearcher> {
  const config = configOf(count, dims, metric, options);
  const place = { path, offset, dtype, crc32: options.verify ? crc32 : undefined };
  return await makeSearcher(config, place, options.signal, async () => {});
}

function configOf(
  count: number,
  dims: number,
  metric: Metric,
  { approximate = false, firstPass = 'auto', threads = 'auto' }: SearchOptions,
): NativeSearcherConfig {
  // What an approximate index compares with all rows is too little for codes to pay.
  return { count, dims, metric, firstPass: approximate ? 'none' : firstPass, threads };
}

async function makeSearcher(
  config: NativeSearcherConfig,
  place: NativeFeaturePlace | undefined,
  signal: AbortSignal | undefined,
  fill: (native: NativeSearcher, work: StoppableWork) => Promise<void>,
): Promise<NativeSearcher> {
  const work = new StoppableWork('making the index', signal);
  const native = await work.make(() => loadAddon().createSearcher(config, place));
  try {
    await fill(native, work);
    await work.run(native, async () => await native.prepare().result);
    return native;
  } catch (error) {
    await native.dispose();
    throw MocoError.from(error);
  }
}

function changed(): MocoError {
  return new MocoError('ERR_MOCO_CONFIG', 'data: its buffer was detached or resized meanwhile', {
    hint: 'Leave it as it is until the index is built.',
  });
}
