import { MocoError } from '../error.js';

export type Sharp = typeof import('sharp').default;

let loading: Promise<Sharp> | undefined;

/**
 * The library that decodes pictures. It is loaded when it is needed first, since only folders of
 * pictures need it.
 * @throws MocoError `ERR_MOCO_DATA` where it is not installed, or cannot be loaded
 */
export async function loadSharp(): Promise<Sharp> {
  loading ??= importSharp();
  return await loading;
}

/** The installed version. @throws MocoError as `loadSharp` */
export async function sharpVersion(): Promise<string> {
  return (await loadSharp()).versions.sharp ?? 'unknown';
}

async function importSharp(): Promise<Sharp> {
  try {
    return (await import('sharp')).default;
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    const [reason] = String((cause as Error).message).split('\n');
    throw new MocoError(
      'ERR_MOCO_DATA',
      isMissing
        ? 'pictures in files are decoded by sharp, which is not installed'
        : `pictures in files are decoded by sharp, which cannot be loaded: ${reason}`,
      { hint: 'Install it beside moco: npm install sharp', cause },
    );
  }
}

/** How many pictures libuv's threads decode at a time: as many as there are threads. */
export function decodingThreads(): number {
  const threads = Number(process.env.UV_THREADPOOL_SIZE);
  return Number.isInteger(threads) && threads > 0 ? Math.min(threads, 1024) : 4;
}

/**
 * Lets sharp keep nothing between pictures and use one thread for each, which is fastest where many
 * are decoded at a time; its settings are as before when this is disposed of.
 */
export async function quietSharp(): Promise<Disposable> {
  const sharp = await loadSharp();
  const threads = sharp.concurrency();
  const { memory, files, items } = sharp.cache();
  sharp.concurrency(1);
  sharp.cache(false);
  return {
    [Symbol.dispose]() {
      sharp.concurrency(threads);
      sharp.cache({ memory: memory.max, files: files.max, items: items.max });
    },
  };
}
