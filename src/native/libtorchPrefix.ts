import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { libraryArchitecture } from './libraryArchitecture.js';

/** The versions of LibTorch that the addon can be built against, for messages. */
export const SUPPORTED_VERSIONS = '2.11 to 2.14';

const OLDEST_MINOR = 11;
const NEWEST_MINOR = 14;

/**
 * Files that tell LibTorch's version, the newest layout first. Old releases are recognised so that
 * the message which rejects them can name their version.
 */
const VERSION_FILES = [
  'include/torch/headeronly/version.h',
  'include/torch/csrc/api/include/torch/version.h',
  'include/torch/version.h',
  'version.py',
  'build-version',
];

/** A LibTorch, wherever it lies. */
export interface LibtorchBuild {
  /** E.g. `2.13.0`. */
  readonly version: string;
  /** A build that can use NVIDIA GPUs. */
  readonly cuda: boolean;
}

/** A LibTorch that the addon can run with. */
export interface LibtorchPrefix extends LibtorchBuild {
  /** The folder that holds `lib/` and, for who builds, `include/`. */
  readonly prefix: string;
}

/** What is in a folder: a usable LibTorch, or why it is none. */
export type Inspection =
  | { readonly libtorch: LibtorchPrefix; readonly problem?: undefined }
  | { readonly libtorch?: undefined; readonly problem: string };

/** Why nothing in a folder can be read; undefined where it can. */
function unreadable(folder: string): string | undefined {
  try {
    accessSync(folder, constants.R_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_ACCESS_DENIED') throw error; // by Node, which is told as such
    return code === 'ENOENT' ? 'there is no such folder' : `it cannot be read (${code})`;
  }
}

/** Looks at a folder that should hold LibTorch's `lib/`. */
export function inspectPrefix(
  prefix: string,
  host: { platform: string; arch: string },
): Inspection {
  const problem = unreadable(prefix);
  if (problem !== undefined) return { problem };
  const version = libtorchVersion(prefix);
  if (version !== undefined && !isSupported(version)) {
    return { problem: `it is version ${version}; moco needs ${SUPPORTED_VERSIONS}` };
  }
  const library = (name: string) => libraryFile(name, host.platform);
  const missing = ['c10', 'torch_cpu']
    .map(library)
    .filter((file) => !existsSync(join(prefix, file)));
  if (missing.length > 0) return { problem: `it has no ${missing.join(', no ')}` };
  if (version === undefined) return { problem: `it has no ${VERSION_FILES[0]}` };
  const arch = libraryArchitecture(join(prefix, library('c10')));
  if (arch !== undefined && arch !== host.arch) {
    return { problem: `its libraries are for ${arch}, and this Node is for ${host.arch}` };
  }
  const cuda = existsSync(join(prefix, 'lib/libtorch_cuda.so'));
  return { libtorch: { prefix, version, cuda } };
}

/**
 * The libraries of a LibTorch that an addon needs opened before it is loaded, in this order: each
 * before those that need it.
 */
export function libraries({ prefix, cuda }: LibtorchPrefix, platform: string): string[] {
  const names = ['c10', 'torch_cpu', ...(cuda ? ['c10_cuda', 'torch_cuda'] : [])];
  return names.map((name) => join(prefix, libraryFile(name, platform)));
}

/** Relative to LibTorch's folder. */
function libraryFile(name: string, platform: string): string {
  return `lib/lib${name}.${platform === 'darwin' ? 'dylib' : 'so'}`;
}

/**
 * What a build needs and a run does not: what is missing of it, or undefined where nothing is.
 */
export function missingHeader(prefix: string): string | undefined {
  const header = 'include/ATen/ATen.h';
  return existsSync(join(prefix, header)) ? undefined : header;
}

/** `2.13`: what two versions must share so that an addon built against one runs with the other. */
export function minorVersion(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** `LibTorch 2.13.0 (CPU)`, for messages. */
export function describe({ version, cuda }: LibtorchBuild): string {
  return `LibTorch ${version} (${cuda ? 'CUDA' : 'CPU'})`;
}

function libtorchVersion(prefix: string): string | undefined {
  for (const name of VERSION_FILES) {
    const file = join(prefix, name);
    if (!existsSync(file)) continue;
    const text = readFileSync(file, 'utf8');
    const version = name.endsWith('.h') ? versionOfHeader(text) : versionInText(text);
    if (version !== undefined) return version;
  }
  return undefined;
}

function versionOfHeader(text: string): string | undefined {
  const parts = ['MAJOR', 'MINOR', 'PATCH'].map(
    (part) => text.match(new RegExp(`#define TORCH_VERSION_${part}\\s+(\\d+)`))?.[1],
  );
  return parts.includes(undefined) ? undefined : parts.join('.');
}

function versionInText(text: string): string | undefined {
  return text.match(/\d+\.\d+\.\d+/)?.[0];
}

function isSupported(version: string): boolean {
  const [major, minor] = version.split('.').map(Number) as [number, number];
  return major === 2 && minor >= OLDEST_MINOR && minor <= NEWEST_MINOR;
}
