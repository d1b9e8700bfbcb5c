import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { checksumOf } from '../download/checksum.js';
import { type DownloadRequest, download } from '../download/download.js';
import { MocoError } from '../error.js';
import { inMegabytes } from '../megabytes.js';
import { CACHE_SPACE_HINT } from '../native/cacheFolder.js';
import type { Host } from './host.js';
import type { Report } from './report.js';

/** What is fetched where no LibTorch is there. */
export const PINNED_VERSION = '2.13.0';

/** A zip that holds LibTorch: an official archive, or a wheel of the Python package. */
export interface LibtorchArchive {
  readonly url: string;
  /** In lower-case hexadecimal digits; undefined where nobody stated one. */
  readonly sha256: string | undefined;
}

const BY_HAND =
  'Or fetch that address by other means and set MOCO_LIBTORCH_URL to file://<the file>, or set it ' +
  'to a mirror.';

const OFFICIAL_SITE = 'https://download.pytorch.org/';

/** By platform and architecture, all of `PINNED_VERSION` and without CUDA. */
const OFFICIAL_ARCHIVES: Record<string, { path: string; sha256: string }> = {
  'linux-x64': {
    path: `libtorch/cpu/libtorch-shared-with-deps-${PINNED_VERSION}%2Bcpu.zip`,
    sha256: 'edbf4cbed78433d803e90a65f1752e57783d164bce66c95c0872b2ab8f5c159e',
  },
  'linux-arm64': {
    path: `whl/cpu/torch-${PINNED_VERSION}%2Bcpu-cp314-cp314-manylinux_2_28_aarch64.whl`,
    sha256: 'ca021f9eb2f8345c83fa03e3a04587308afb8df71bd472670b3ece00df58621c',
  },
  'darwin-arm64': {
    path: `libtorch/cpu/libtorch-macos-arm64-${PINNED_VERSION}.zip`,
    sha256: '1e10c6c4dc2764150c9fb2ad28e1889191302734e7f939108e5d2f22f21a06f8',
  },
};

/**
 * The archive for a machine: the official one, unless `$MOCO_LIBTORCH_URL` names another address.
 * The official checksum holds for a mirror too; `$MOCO_LIBTORCH_SHA256` states another one.
 * Undefined where there is no official archive and no address is set.
 */
export function archiveFor({ env, platform, arch }: Host): LibtorchArchive | undefined {
  const official = OFFICIAL_ARCHIVES[`${platform}-${arch}`];
  const url = env.MOCO_LIBTORCH_URL
    ? checkedUrl(env.MOCO_LIBTORCH_URL)
    : official && OFFICIAL_SITE + official.path;
  if (url === undefined) return undefined;
  const sha256 = env.MOCO_LIBTORCH_SHA256
    ? checkedSha256(env.MOCO_LIBTORCH_SHA256)
    : official?.sha256;
  return { url, sha256 };
}

/**
 * The file of an archive, with the right SHA-256: the one that its address names, else one that is
 * downloaded to `target`, where a later call goes on if this one is interrupted. Throws
 * `ERR_MOCO_NETWORK` where it cannot be had, `ERR_MOCO_LIBTORCH_MISMATCH` where it is another file,
 * `ERR_MOCO_OUTPUT` where there is too little room for it, `ERR_MOCO_ABORTED` after the signal.
 * @param options the signal that ends it, and for tests milliseconds
 */
export async function archiveFile(
  archive: LibtorchArchive,
  target: string,
  report: Report,
  options: Pick<DownloadRequest, 'signal' | 'stallTimeout' | 'retryPause'> = {},
): Promise<string> {
  const { url, sha256 } = archive;
  // It was whole and right, and there was too little room to unpack it.
  if (sha256 !== undefined && existsSync(target)) return target;
  report.line(`LibTorch: downloading ${url}`);
  const isFile = url.startsWith('file:');
  const path = isFile ? fileURLToPath(url) : target;
  if (!isFile) await download({ ...downloadRequest(archive, target, report), ...options });
  if (isFile || sha256 === undefined) await checkFile(archive, path, report, options.signal);
  return path;
}

function downloadRequest(
  { url, sha256 }: LibtorchArchive,
  target: string,
  report: Report,
): DownloadRequest {
  return {
    ...{ url, target, byHand: BY_HAND, spaceHint: CACHE_SPACE_HINT },
    checksum:
      sha256 === undefined
        ? undefined
        : {
            algorithm: 'sha256',
            value: sha256,
            wrongFile: (actual) => wrongChecksum(url, sha256, actual),
          },
    unpackedBytes: (size) => size, // it is compressed
    onProgress: ({ received, total }) => {
      const of = total === undefined ? '' : ` of ${inMegabytes(total)}`;
      report.progress(
        `downloading LibTorch: ${inMegabytes(received)}${of}`,
        total === undefined ? undefined : received / total,
      );
    },
  };
}

async function checkFile(
  { url, sha256 }: LibtorchArchive,
  path: string,
  report: Report,
  signal: AbortSignal | undefined,
): Promise<void> {
  const actual = await checksumOf(path, 'sha256', signal).catch((cause: Error) => {
    if (cause instanceof MocoError) throw cause; // after the signal
    const message = `cannot read ${url}: ${cause.message}`;
    throw new MocoError('ERR_MOCO_NETWORK', message, { hint: BY_HAND, cause });
  });
  if (sha256 === undefined) {
    report.line(`LibTorch: no SHA-256 is known for ${url}; it is used unchecked (${actual})`);
  } else if (actual !== sha256) {
    throw wrongChecksum(url, sha256, actual);
  }
}

function wrongChecksum(url: string, expected: string, actual: string): MocoError {
  return new MocoError(
    'ERR_MOCO_LIBTORCH_MISMATCH',
    `The file at ${url} is not the LibTorch archive that was expected: its SHA-256 is ${actual}, ` +
      `not ${expected}.`,
    {
      hint:
        'Try again if the download may have been damaged. If you chose this file yourself, set ' +
        'MOCO_LIBTORCH_SHA256 to its checksum.',
    },
  );
}

function checkedUrl(value: string): string {
  if (isAbsolute(value)) return pathToFileURL(resolve(value)).href;
  if (URL.canParse(value) && /^(https?|file):$/.test(new URL(value).protocol)) return value;
  throw new MocoError(
    'ERR_MOCO_LIBTORCH_NOT_FOUND',
    `$MOCO_LIBTORCH_URL is "${value}", which is not an http, https or file address.`,
    { hint: 'Set it to the address of a LibTorch archive, or unset it.' },
  );
}

function checkedSha256(value: string): string {
  const digits = value.trim().toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) return digits;
  throw new MocoError(
    'ERR_MOCO_LIBTORCH_NOT_FOUND',
    `$MOCO_LIBTORCH_SHA256 is "${value}", which is not a SHA-256: 64 hexadecimal digits.`,
    { hint: 'Set it to what `sha256sum <archive>` prints, or unset it.' },
  );
}
