import { readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { z } from 'zod';
import { MocoError } from '../error.js';
import { outputError } from '../formats/outputError.js';

/** Who writes a run's files: the content of the lock's file. */
const ownerSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** ISO 8601. */
  started: z.iso.datetime(),
});

type Owner = z.infer<typeof ownerSchema>;

/**
 * Keeps two runs from writing the same files: `<run>.running.json` is there as long as a
 * run goes on, and says who runs it.
 */
export class RunLock {
  readonly #path: string;
  #isHeld = true;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Takes over what a process of this machine left that has ended since.
   * @param run path that the run's files have in common; its folder must be there
   * @throws MocoError `ERR_MOCO_OUTPUT` where another run writes there, or may do so
   */
  static async acquire(run: string): Promise<RunLock> {
    const path = `${run}.running.json`;
    while (!(await create(path))) {
      const content = await read(path);
      if (content === undefined) continue; // the other run has just ended
      const owner = parseOwner(content);
      if (owner === undefined || mayRun(owner)) throw inUse(run, path, owner);
      await remove(path);
    }
    return new RunLock(path);
  }

  /** Can be called more than once. */
  async release(): Promise<void> {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    await remove(this.#path);
  }
}

/** @returns false where the file is there already */
async function create(path: string): Promise<boolean> {
  const owner: Owner = { pid: process.pid, host: hostname(), started: new Date().toISOString() };
  try {
    await writeFile(path, `${JSON.stringify(owner)}\n`, { flag: 'wx' });
    return true;
  } catch (cause) {
    if (hasCode(cause, 'EEXIST')) return false;
    await rm(path, { force: true }).catch(() => {}); // the write's failure is reported
    throw outputError(path, cause);
  }
}

/** @returns undefined where the file is gone */
async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined;
    throw outputError(path, cause);
  }
}

async function remove(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (cause) {
    throw outputError(path, cause);
  }
}

/** @returns undefined for anything but a whole file of ours */
function parseOwner(content: string): Owner | undefined {
  try {
    return ownerSchema.parse(JSON.parse(content));
  } catch {
    return undefined;
  }
}

/** Whether the owner is not known to have ended. */
function mayRun({ pid, host, started }: Owner): boolean {
  if (host !== hostname()) return true;
  // In containers, a new process mostly has the number of the one that ended.
  if (pid === process.pid) return Date.parse(started) >= Date.now() - 1000 * process.uptime();
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !hasCode(error, 'ESRCH');
  }
}

function inUse(run: string, path: string, owner: Owner | undefined): MocoError {
  const who =
    owner === undefined
      ? 'another run'
      : `process ${owner.pid} on ${owner.host} (since ${owner.started})`;
  return new MocoError('ERR_MOCO_OUTPUT', `cannot write ${run}: ${who} writes the same files`, {
    hint: `Choose another folder with --out. If that run is gone, remove ${path}.`,
  });
}

function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
