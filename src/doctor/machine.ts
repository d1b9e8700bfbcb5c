import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { spread } from '../bench/summary.js';
import type { NativeHardware } from '../native/machine.js';
import { version } from '../version.js';
import { type Finding, gigabytes } from './finding.js';
import { notStarted } from './notStarted.js';

const START_UPS = 5;

/** Milliseconds after which a process that should do nothing is taken to hang. */
const HANGS = 60_000;

const HUGE_PAGES = '/sys/kernel/mm/transparent_hugepage/enabled';

/** Which moco runs, in what. */
export function software(root: string): Finding {
  const facts = {
    moco: version,
    node: process.version,
    platform: process.platform,
    arch: process.arch,
    root,
  };
  const message = `${version} in ${root}, Node ${process.versions.node}, ${process.platform} ${process.arch}`;
  return { subject: 'moco', state: 'good', message, facts };
}

/** How long it takes until the command line does something. */
export async function startUp(root: string): Promise<Finding> {
  try {
    return await startUpTimes(root);
  } catch (error) {
    return { subject: 'start-up', state: 'bad', ...notStarted(error) };
  }
}

async function startUpTimes(root: string): Promise<Finding> {
  const help = await medianMilliseconds([join(root, 'bin/moco.js'), '--help']);
  const bare = await medianMilliseconds(['-e', '']);
  return {
    subject: 'start-up',
    state: 'good',
    message: `moco --help takes ${help} ms (Node alone ${bare} ms), median of ${START_UPS}`,
    facts: { helpMilliseconds: help, nodeMilliseconds: bare },
  };
}

async function medianMilliseconds(words: readonly string[]): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < START_UPS; run++) {
    const start = performance.now();
    await promisify(execFile)(process.execPath, words, { timeout: HANGS });
    times.push(performance.now() - start);
  }
  return Math.round(spread(times).median);
}

export function processor(): Finding {
  const name = cpus()[0]?.model ?? 'unknown';
  const cores = availableParallelism();
  return {
    subject: 'processor',
    state: 'good',
    message: `${name}, ${cores} ${cores === 1 ? 'core' : 'cores'}`,
    facts: { name, cores },
  };
}

/** Whether moco's own kernels for the CPU are used, and why not. */
export function cpuKernels(
  hardware: Pick<NativeHardware, 'cpuKernelsUnavailable' | 'usesAmx'>,
  arch: string = process.arch,
): Finding {
  const { cpuKernelsUnavailable: unavailable, usesAmx } = hardware;
  const subject = 'CPU kernels';
  const facts = { unavailable, usesAmx };
  if (unavailable === '') {
    const message = `moco's own for BatchNorm and convolutions${usesAmx ? ', which use AMX' : ''}`;
    return { subject, state: 'good', message, facts };
  }
  return {
    subject,
    state: arch === 'x64' ? 'note' : 'good', // there are none for other processors
    message: `LibTorch's; without moco's own for BatchNorm and convolutions (slower): ${unavailable}`,
    hint: /ATEN_CPU_CAPABILITY/.test(unavailable) ? 'Unset ATEN_CPU_CAPABILITY.' : undefined,
    facts,
  };
}

/** Memory, and whether large tensors get huge pages. */
export function memory(): Finding {
  const [totalBytes, availableBytes] = [totalmem(), process.availableMemory()];
  const hugePages = hugePageMode();
  const pages = hugePages === undefined ? '' : `; huge pages: ${hugePages}`;
  const isOff = hugePages === 'never';
  return {
    subject: 'memory',
    state: isOff ? 'note' : 'good',
    message: `${gigabytes(totalBytes)}, of which ${gigabytes(availableBytes)} are available${pages}`,
    hint: isOff ? `Training is faster with: echo madvise | sudo tee ${HUGE_PAGES}` : undefined,
    facts: { totalBytes, availableBytes, hugePages },
  };
}

/** Linux' setting: `always`, `madvise` or `never`; undefined on other systems. */
function hugePageMode(): string | undefined {
  try {
    return /\[(\w+)\]/.exec(readFileSync(HUGE_PAGES, 'utf8'))?.[1];
  } catch {
    return undefined; // not Linux, or a kernel without them
  }
}
