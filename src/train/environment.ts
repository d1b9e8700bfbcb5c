import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, cpus, hostname, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../packageRoot.js';
import type { TrainerDescription } from './events.js';

/**
 * Where and with what a run was made: the content of `environment.json`.
 * @param before what it was before the run went on; undefined at its start
 */
export async function environment(
  description: TrainerDescription,
  before?: { readonly startedAt?: unknown },
): Promise<object> {
  const { mocoVersion, libtorchVersion, dataset, files, ...decided } = description;
  const now = new Date().toISOString();
  return {
    ...(before === undefined ? { startedAt: now } : { ...before, resumedAt: now }),
    moco: mocoVersion,
    gitCommit: await gitCommit(),
    node: process.version,
    libtorch: libtorchVersion,
    platform: `${process.platform} ${release()} ${process.arch}`,
    host: hostname(),
    cpu: cpus()[0]?.model,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    ...decided,
    dataset,
  };
}

/** Commit of this package's own checkout; undefined where it was installed as a package. */
async function gitCommit(): Promise<string | undefined> {
  if (!existsSync(join(packageRoot, '.git'))) return undefined;
  try {
    const git = await promisify(execFile)('git', ['rev-parse', 'HEAD'], { cwd: packageRoot });
    return git.stdout.trim();
  } catch {
    return undefined; // no git on this machine, or no commit yet: a run does not need it
  }
}
