import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MocoError, numbered } from '../error.js';
import { type LibtorchPrefix, SUPPORTED_VERSIONS } from '../native/libtorchPrefix.js';
import type { ActivePython } from './activePython.js';
import type { Host } from './host.js';
import {
  archiveFile,
  archiveFor,
  type LibtorchArchive,
  PINNED_VERSION,
} from './libtorchArchive.js';
import {
  archiveDownload,
  archiveEntry,
  fillLibtorch,
  fillLibtorchAlone,
  wheelEntry,
} from './libtorchCache.js';
import { hasPip, type PipDownload, PipError, pipDownload } from './pip.js';
import type { Report } from './report.js';
import { installCommands } from './toolchain.js';
import { unpack } from './unpack.js';

/** What a build needs of a wheel or an archive; Python's own half of the package is left out. */
const WANTED = [
  'torch/include/',
  'torch/lib/',
  'torch/version.py',
  'libtorch/include/',
  'libtorch/lib/',
  'libtorch/build-version',
  'nvidia/',
];

const INSTALL_TORCH = `Install it in the active Python: python3 -m pip install torch==${PINNED_VERSION}`;

/** One place to get LibTorch from. */
interface Source {
  /** In words, for the user. */
  readonly name: string;
  fetch(): Promise<LibtorchPrefix>;
}

/**
 * Fills the cache: with `pip download` of the pinned version (the CUDA build with its NVIDIA
 * libraries where there is a driver, else a CPU build), else with an archive, which is the only
 * source where there is no Python with pip. An address in `$MOCO_LIBTORCH_URL` is the only source.
 * Throws `ERR_MOCO_LIBTORCH_NOT_FOUND` where no source has it, `ERR_MOCO_NETWORK`,
 * `ERR_MOCO_LIBTORCH_MISMATCH` and `ERR_MOCO_OUTPUT` as `archiveFile` does, `ERR_MOCO_ABORTED` after
 * the signal.
 */
export async function fetchLibtorch(
  host: Host,
  python: ActivePython | undefined,
  report: Report,
): Promise<LibtorchPrefix> {
  const archive = archiveFor(host);
  if (archive && host.env.MOCO_LIBTORCH_URL) return archiveSource(archive, host, report).fetch();
  const ofArchive = archive ? [archiveSource(archive, host, report)] : [];
  const pip = pipOf(python, host);
  if ('python' in pip) {
    return firstThatHasIt(withWheels(pip.python, ofArchive, host, report), report, (failures) =>
      nothingFound(failures, INSTALL_TORCH, archive),
    );
  }
  report.line(`LibTorch: there is no pip to fetch it with: ${pip.reason}`);
  return firstThatHasIt(ofArchive, report, (failures) =>
    nothingFound([`pip: ${pip.reason}`, ...failures], pip.solution, archive),
  );
}

/** The Python that has pip; or why there is none, and what to do about it. */
function pipOf(
  python: ActivePython | undefined,
  host: Host,
): { readonly python: string } | { readonly reason: string; readonly solution: string } {
  if (!python) {
    const task = 'Install Python 3 with pip, and run this again:';
    const solution = [task, ...indented(installCommands(['python']))].join('\n');
    return { reason: 'no Python 3 was found', solution };
  }
  const { executable } = python;
  if (hasPip(executable, host.env)) return { python: executable };
  const reason = `${executable} has no module of that name`;
  return { reason, solution: installPip(executable, host) };
}

/** In the first source that has it; throws what `orElse` makes of the failures where none does. */
async function firstThatHasIt(
  sources: readonly Source[],
  report: Report,
  orElse: (failures: readonly string[]) => MocoError,
): Promise<LibtorchPrefix> {
  const failures: string[] = [];
  for (const source of sources) {
    report.line(`LibTorch: fetching ${source.name}`);
    try {
      return await source.fetch();
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      report.line(`LibTorch: not to be had there: ${error.message}`);
      failures.push(`${source.name}: ${error.message}`);
    }
  }
  throw orElse(failures);
}

function isUnavailable(error: unknown): error is Error {
  return (
    error instanceof PipError || (error instanceof MocoError && error.code === 'ERR_MOCO_NETWORK')
  );
}

/** Where to look, in order, where Python has pip. */
function withWheels(
  python: string,
  ofArchive: readonly Source[],
  host: Host,
  report: Report,
): Source[] {
  const version = `torch==${PINNED_VERSION}`;
  const wheels = (name: string, build: 'cpu' | 'cuda', download: PipDownload): Source => ({
    name: `${name}, with pip`,
    fetch: () => fetchWheels(download, wheelEntry(host, build), python, host, report),
  });
  if (host.platform === 'darwin') {
    return [wheels(version, 'cpu', { requirement: version, dependencies: false }), ...ofArchive];
  }
  const cpu = wheels(`the CPU build of ${version}`, 'cpu', {
    requirement: `${version}+cpu`,
    dependencies: false,
  });
  const cuda = wheels(`the CUDA build of ${version} and NVIDIA's libraries`, 'cuda', {
    // A local CPU wheel would otherwise win: by pip's order, 2.13.0+cpu is newer than 2.13.0.
    requirement: `${version},!=${PINNED_VERSION}+cpu`,
    dependencies: true,
  });
  // Without a GPU the CUDA build works too, but is ten times as large.
  return host.nvidiaDriver ? [cuda, cpu, ...ofArchive] : [cpu, ...ofArchive, cuda];
}

async function fetchWheels(
  download: PipDownload,
  entry: string,
  python: string,
  host: Host,
  report: Report,
): Promise<LibtorchPrefix> {
  return fillLibtorch(entry, host, async (contents, temporary) => {
    const wheels = await pipDownload(python, download, temporary, host, report);
    for (const wheel of wheels.filter(holdsLibraries)) {
      report.progress(`unpacking ${basename(wheel)}`);
      await unpack(wheel, contents, WANTED, host.signal);
      await rm(wheel);
    }
  });
}

/** Torch depends on many Python packages; only these hold something to link or load. */
function holdsLibraries(wheel: string): boolean {
  return /^(torch|nvidia_\w+)-/.test(basename(wheel));
}

function archiveSource(archive: LibtorchArchive, host: Host, report: Report): Source {
  const entry = archiveEntry(host, archive);
  const download = archiveDownload(host, archive);
  const fill = async (contents: string) => {
    const file = await archiveFile(archive, download, report, { signal: host.signal });
    report.progress('unpacking LibTorch');
    try {
      await unpack(file, contents, WANTED, host.signal);
    } catch (error) {
      if (isDamage(error)) await rm(download, { force: true });
      throw error;
    }
    const unpacked = join(contents, 'libtorch');
    if (existsSync(unpacked)) await rename(unpacked, join(contents, 'torch'));
    await rm(download, { force: true });
  };
  return {
    name: 'the LibTorch archive',
    fetch: () => fillLibtorchAlone(entry, host, report, fill),
  };
}

/** Whether the archive is of no use to the next set-up. */
function isDamage(error: unknown): boolean {
  return error instanceof MocoError && error.code === 'ERR_MOCO_LIBTORCH_MISMATCH';
}

function installPip(python: string, { env }: Host): string {
  const task = 'Install pip for the active Python, and run this again:';
  // A system's package gives no pip to a virtual environment.
  if (env.VIRTUAL_ENV) return `${task} ${python} -m ensurepip`;
  return [task, ...indented(installCommands(['pip']))].join('\n');
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `   ${line}`);
}

function nothingFound(
  failures: readonly string[],
  pythonSolution: string,
  archive: LibtorchArchive | undefined,
): MocoError {
  const solutions = [
    'Connect to the network, and run this again.',
    pythonSolution,
    `Set LIBTORCH to the folder that holds the include/ and lib/ of LibTorch ${SUPPORTED_VERSIONS}.`,
  ];
  if (archive) {
    solutions.push(
      `Fetch ${archive.url} by other means and set MOCO_LIBTORCH_URL to file://<the file>.`,
    );
  }
  return new MocoError(
    'ERR_MOCO_LIBTORCH_NOT_FOUND',
    ['LibTorch is not on this machine, and could not be fetched. Tried:']
      .concat(['$LIBTORCH: not set', 'the active Python: has no usable torch'], failures)
      .join('\n  - '),
    { hint: numbered(solutions) },
  );
}
