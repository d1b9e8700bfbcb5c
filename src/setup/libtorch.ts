import { resolve } from 'node:path';
import { MocoError } from '../error.js';
import {
  describe,
  inspectPrefix,
  type LibtorchPrefix,
  SUPPORTED_VERSIONS,
} from '../native/libtorchPrefix.js';
import { type ActivePython, activePython } from './activePython.js';
import type { Host } from './host.js';
import { findCached } from './libtorchCache.js';
import { fetchLibtorch } from './libtorchFetch.js';
import type { Report } from './report.js';

/** A LibTorch on this machine, and where it was found. */
export interface LocatedLibtorch {
  readonly libtorch: LibtorchPrefix;
  readonly origin: '$LIBTORCH' | 'the active Python' | 'the cache';
}

/**
 * The LibTorch to build against: `$LIBTORCH`, else the active Python's `torch`, else our cache,
 * which is filled where it is empty. Reports the choice, and what was passed over and why.
 * Throws `ERR_MOCO_LIBTORCH_NOT_FOUND` where `$LIBTORCH` is wrong or nothing can be had,
 * `ERR_MOCO_LIBTORCH_MISMATCH` where what was downloaded is not what was expected.
 */
export async function findLibtorch(host: Host, report: Report): Promise<LibtorchPrefix> {
  const python = host.env.LIBTORCH ? undefined : activePython(host);
  const { libtorch, origin } = locateLibtorch(host, python, report) ?? {
    libtorch: await fetchLibtorch(host, python, report),
    origin: 'the cache',
  };
  report.line(`${describe(libtorch)} from ${origin}: ${libtorch.prefix}`);
  return libtorch;
}

/**
 * The LibTorch that `findLibtorch` would take, with the same errors; undefined where it would fetch
 * one.
 */
export function locateLibtorch(
  host: Host,
  python: ActivePython | undefined,
  report: Report,
): LocatedLibtorch | undefined {
  if (host.env.LIBTORCH) {
    return { libtorch: fromEnvironment(host.env.LIBTORCH, host), origin: '$LIBTORCH' };
  }
  const ofPython = fromPython(python, host, report);
  if (ofPython) return { libtorch: ofPython, origin: 'the active Python' };
  const cached = findCached(host, report);
  return cached && { libtorch: cached, origin: 'the cache' };
}

function fromEnvironment(value: string, host: Host): LibtorchPrefix {
  const prefix = resolve(value);
  const { libtorch, problem } = inspectPrefix(prefix, host);
  if (libtorch) return libtorch;
  throw new MocoError(
    'ERR_MOCO_LIBTORCH_NOT_FOUND',
    `$LIBTORCH is ${prefix}, which is not a LibTorch to build against: ${problem}.`,
    {
      hint:
        `Set LIBTORCH to the folder that holds the include/ and lib/ of LibTorch ` +
        `${SUPPORTED_VERSIONS}, or unset it to let the set-up find or fetch one.`,
    },
  );
}

function fromPython(
  python: ActivePython | undefined,
  host: Host,
  report: Report,
): LibtorchPrefix | undefined {
  if (!python?.torch) return undefined;
  const { libtorch, problem } = inspectPrefix(python.torch, host);
  if (problem) report.line(`LibTorch: passed over ${python.torch}: ${problem}`);
  return libtorch;
}
