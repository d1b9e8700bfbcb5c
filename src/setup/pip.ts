import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { throwIfAborted } from '../abort.js';
import { inMegabytes } from '../megabytes.js';
import type { Host } from './host.js';
import type { Report } from './report.js';

/** pip could not get what it was asked for; the message is its own. */
export class PipError extends Error {}

/** Whether a Python has pip; distributions leave it out, and so can virtual environments. */
export function hasPip(python: string, env: NodeJS.ProcessEnv): boolean {
  return spawnSync(python, ['-m', 'pip', '--version'], { env, stdio: 'ignore' }).status === 0;
}

/** What to download. */
export interface PipDownload {
  /** E.g. `torch==2.13.0`. */
  readonly requirement: string;
  readonly dependencies: boolean;
  /** What the wheels may be for, as in `manylinux_2_28_aarch64`; by default, this machine. */
  readonly platforms?: readonly string[];
}

/**
 * Downloads wheels into a new folder and returns their paths. Throws a `PipError`, and
 * `ERR_MOCO_ABORTED` after the signal.
 */
export async function pipDownload(
  python: string,
  { requirement, dependencies, platforms = [] }: PipDownload,
  folder: string,
  { env, signal }: Pick<Host, 'env' | 'signal'>,
  report: Report,
): Promise<string[]> {
  const temporary = join(folder, 'pip');
  const wheels = join(folder, 'wheels');
  await Promise.all([mkdir(temporary, { recursive: true }), mkdir(wheels, { recursive: true })]);
  const progress = setInterval(() => {
    const bytes = folderBytes(folder);
    report.progress(`downloading ${requirement} with pip: ${inMegabytes(bytes)}`);
  }, 1000);
  try {
    await promisify(execFile)(
      python,
      [
        ...['-m', 'pip', 'download', '--only-binary=:all:', '--progress-bar=off'],
        ...(dependencies ? [] : ['--no-deps']),
        ...platforms.map((platform) => `--platform=${platform}`),
        ...['--dest', wheels, requirement],
      ],
      {
        // Some gigabytes may not fit into the system's folder for temporary files. A virtual
        // environment need not be active, since nothing is installed.
        env: { ...env, TMPDIR: temporary, PIP_REQUIRE_VIRTUALENV: '0' },
        maxBuffer: 1e8,
        signal,
      },
    );
  } catch (error) {
    throwIfAborted(signal, 'the set-up');
    throw new PipError(lastComplaint(error), { cause: error });
  } finally {
    clearInterval(progress);
  }
  return (await readdir(wheels)).map((name) => join(wheels, name));
}

/** The last error that pip printed, without the address that it asked. */
function lastComplaint(error: unknown): string {
  const output = (error as { stderr?: string }).stderr ?? '';
  const lines = output.trim().split('\n');
  const complaint = lines.filter((line) => line.startsWith('ERROR: ')).at(-1) ?? lines.at(-1) ?? '';
  return complaint.replace(/^ERROR: /, '').replaceAll(/(https?:\/\/|host=')[^\s')]+/g, '…');
}

function folderBytes(folder: string): number {
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    // A file may be gone already, since pip moves its files while they are counted.
    bytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
