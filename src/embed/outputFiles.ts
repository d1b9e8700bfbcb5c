import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { type EmbedConfig, type EmbedFormat, embedFormat } from '../config/embedConfig.js';
import { makeFolder } from '../disk/folder.js';
import { removeLeftovers } from '../disk/leftovers.js';
import { partialPaths } from '../disk/partialPaths.js';
import { MocoError } from '../error.js';
import type { FeatureFormat } from '../features/featureFormat.js';
import { FEATURE_FORMATS } from '../features/featureFormats.js';
import { requireWritable } from '../run/outputFolder.js';
import { RunLock } from '../run/runLock.js';
import type { EmbedListener } from './embedEvents.js';

/** The files that a run writes, which no other one writes as long as they are claimed. */
export class OutputFiles {
  readonly #lock: RunLock;

  private constructor(
    /** The file of features, then what stands beside it. */
    readonly paths: readonly [string, ...string[]],
    readonly formatName: EmbedFormat,
    lock: RunLock,
  ) {
    this.#lock = lock;
  }

  /**
   * Makes sure that nothing else is in the place of the files, and keeps other runs from them.
   * @throws MocoError `ERR_MOCO_OUTPUT` where a file is there that is not to be replaced, or cannot be
   *   written, or where another run writes it; `ERR_MOCO_ABORTED`
   */
  static async claim(
    settings: Pick<EmbedConfig, 'out' | 'format' | 'force'>,
    onEvent: EmbedListener | undefined,
    signal: AbortSignal | undefined,
  ): Promise<OutputFiles> {
    const { out, force } = settings;
    const format = embedFormat(settings) as EmbedFormat; // the schema requires that there is one
    const companions = FEATURE_FORMATS[format].companions(out);
    await requireWritable(dirname(out));
    await makeFolder(dirname(out));
    const lock = await acquire(out, onEvent, signal);
    try {
      await requireNoFolders([out, ...companions]);
      if (!force) await requireFree(out, companions);
      const names = [out, ...companions].map((path) => basename(path));
      await removeLeftovers(dirname(out), (name) => names.includes(name));
      return new OutputFiles([out, ...companions], format, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  get format(): FeatureFormat {
    return FEATURE_FORMATS[this.formatName];
  }

  /** @throws MocoError `ERR_MOCO_OUTPUT` where another run has taken the files over */
  requireMine(): void {
    this.#lock.requireHeld();
  }

  /** Lets other runs write them. */
  release(): void {
    this.#lock.release();
  }
}

async function acquire(
  out: string,
  onEvent: EmbedListener | undefined,
  signal: AbortSignal | undefined,
): Promise<RunLock> {
  const acquiring = RunLock.acquire(out, signal);
  for (;;) {
    const { done, value } = await acquiring.next();
    if (done) return value;
    await onEvent?.(value);
  }
}

/** A run that goes on may find the file that stands beside its own, which it has written before. */
async function requireFree(out: string, companions: readonly string[]): Promise<void> {
  const goesOn = await isThere(partialPaths(out).journal);
  for (const path of goesOn ? [out] : [out, ...companions]) {
    if (!(await isThere(path))) continue;
    throw new MocoError('ERR_MOCO_OUTPUT', `${path} exists already and was not changed`, {
      hint: 'Choose another path, or pass --force to replace it.',
    });
  }
}

/** A file can be replaced, a folder cannot: better known now than when all is computed. */
async function requireNoFolders(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined);
    if (!found?.isDirectory()) continue;
    throw new MocoError('ERR_MOCO_OUTPUT', `cannot write ${path}: a folder is in its place`, {
      hint: 'Move it away, or choose another path.',
    });
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
