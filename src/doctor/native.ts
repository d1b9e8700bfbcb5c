import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { throwIfAborted } from '../abort.js';
import { MocoError } from '../error.js';
import { type BuildRecord, readBuildRecord } from '../native/buildRecord.js';
import { describe } from '../native/libtorchPrefix.js';
import { fromScratchCommand } from '../native/loadFailure.js';
import { readSetUp } from '../native/setUpRecord.js';
import { activePython } from '../setup/activePython.js';
import { type Host, thisHost } from '../setup/host.js';
import { locateLibtorch } from '../setup/libtorch.js';
import type { Finding } from './finding.js';
import { gpu, kernels } from './gpu.js';
import { cpuKernels } from './machine.js';
import { notStarted } from './notStarted.js';
import type { Failure, Folded, Loaded, ProbeLine, ProbeRequest, Stepped } from './probe.js';

const PROGRAM = fileURLToPath(new URL('probe.js', import.meta.url));

/** Milliseconds after which a probe is taken to hang. */
const TIMEOUT = 300_000;

/** What the probe printed before it ended. */
interface Probed {
  readonly loaded?: Loaded;
  readonly stepped?: Stepped;
  readonly folded?: Folded;
  readonly failure?: Failure;
}

/** LibTorch, the addon, the GPU and real training steps. */
export async function* native(
  request: ProbeRequest,
  signal?: AbortSignal | undefined,
): AsyncGenerator<Finding, void, void> {
  const host = thisHost();
  yield libtorch(request.root, host);
  const { loaded, stepped, folded, failure } = await probe(request, signal);
  yield loaded ? addon(loaded) : failed('addon', failure as Failure);
  if (!loaded) return;
  yield cpuKernels(loaded.hardware);
  yield gpu(loaded.hardware, host);
  if (loaded.kernelsUnavailable !== undefined) {
    yield kernels(loaded.kernelsUnavailable, buildOf(request.root, host)?.nvcc);
  }
  yield* stepped ? training(stepped) : [failed('training', failure as Failure)];
  if (stepped) yield folded ? evaluation(folded) : failed('evaluation', failure as Failure);
}

/** What the addon that was set up was built from. */
function buildOf(root: string, host: Host): BuildRecord | undefined {
  const setUp = readSetUp(root, host);
  return setUp && readBuildRecord(setUp.addon);
}

/** What moco was set up with, and what a set-up would take now. */
function libtorch(root: string, host: Host): Finding {
  const subject = 'LibTorch';
  const built = readSetUp(root, host)?.libtorch;
  const passedOver: string[] = [];
  const report = { line: (line: string) => passedOver.push(line), progress: () => {} };
  try {
    const python = host.env.LIBTORCH ? undefined : activePython(host);
    const found = locateLibtorch(host, python, report);
    const taken = found
      ? `${describe(found.libtorch)} from ${found.origin}, ${found.libtorch.prefix}`
      : 'one that is downloaded';
    return {
      subject,
      state: built ? 'good' : 'note',
      message: built
        ? `set up with ${describe(built)} in ${built.prefix}; a set-up would take ${taken}`
        : `none was set up yet; a set-up takes ${taken}`,
      hint: passedOver.length > 0 ? passedOver.join('\n') : undefined,
      facts: { built, found: found?.libtorch, origin: found?.origin },
    };
  } catch (error) {
    const { message, hint } = MocoError.from(error);
    return { subject, state: 'note', message, hint, facts: { built } };
  }
}

function addon({ seconds, libtorchVersion }: Loaded): Finding {
  return {
    subject: 'addon',
    state: 'good',
    message: `loads in ${seconds.toFixed(2)} s, with LibTorch ${libtorchVersion}`,
    facts: { loadSeconds: seconds, libtorchVersion },
  };
}

/** Where and how fast a run would compute, after training steps that worked. */
function training({ description, seconds, loss, memory, warnings }: Stepped): Finding[] {
  const { device, deviceName, precision, precisionReason } = description;
  const { computeThreads, computeThreadsReason, dataThreads } = description;
  const threads = `threads: ${dataThreads} to make views, ${computeThreads} to compute, ${computeThreadsReason}`;
  const peak = `${(memory.peak / 1e6).toFixed(0)} MB of tensors`;
  return [
    {
      subject: 'device',
      state: 'good',
      message: `${device} (${deviceName}), ${precision}: ${precisionReason}; ${threads}`,
      facts: { ...description },
    },
    {
      subject: 'training',
      state: warnings.length > 0 ? 'note' : 'good',
      message: `a ResNet-18 works: ${seconds.toFixed(2)} s for a step, loss ${loss.toFixed(4)}, ${peak}`,
      hint: warnings.length > 0 ? warnings.join('\n') : undefined,
      facts: { seconds, loss, memory, warnings },
    },
  ];
}

/** How fast features are extracted, and whether anything slows that down. */
export function evaluation(folded: Folded): Finding {
  const { pictures, fusedSeconds, plainSeconds, fallbacks } = folded;
  const milliseconds = (seconds: number) => `${(1000 * seconds).toFixed(1)} ms`;
  const message = `convolutions with folded BatchNorm: fused ${milliseconds(fusedSeconds)}, plain ${milliseconds(plainSeconds)} per ${pictures} pictures`;
  const subject = 'evaluation';
  if (fallbacks.length === 0) return { subject, state: 'good', message, facts: { ...folded } };
  const layers = fallbacks.map(({ layer }) => layer).join(', ');
  return {
    subject,
    state: 'note',
    message: `${message}; cuDNN cannot fuse ${layers}`,
    hint: `These layers run as several operators, more slowly; cuDNN says: ${fallbacks[0]?.reason.split('\n')[0]}`,
    facts: { ...folded },
  };
}

function failed(subject: string, { code, message, hint }: Failure): Finding {
  return { subject, state: 'bad', message, hint, facts: { code } };
}

/** What the probe was at when it ended. */
function duringWhat({ loaded, stepped }: Probed): string {
  if (!loaded) return 'loaded the addon';
  return stepped ? 'evaluated some pictures' : 'trained for some steps';
}

/**
 * Runs the probe. The result says what it found, and how it failed if it did.
 * @throws MocoError `ERR_MOCO_ABORTED` after the signal
 */
async function probe(request: ProbeRequest, signal: AbortSignal | undefined): Promise<Probed> {
  try {
    return await runProbe(request, signal);
  } catch (error) {
    throwIfAborted(signal, 'the examination');
    return { failure: notStarted(error) };
  }
}

async function runProbe(request: ProbeRequest, signal: AbortSignal | undefined): Promise<Probed> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(request)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT,
    signal,
  });
  const [output, complaint, [exitCode, killedBy]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  const lines = output.split('\n').filter((line) => line.startsWith('{')); // LibTorch may print, too
  const probed: Probed = Object.assign({}, ...lines.map((line) => JSON.parse(line) as ProbeLine));
  if (probed.failure || probed.folded) return probed;
  const end = killedBy ? `was ended by ${killedBy}` : `ended with exit code ${exitCode}`;
  const during = duringWhat(probed);
  const last = complaint.trim().split('\n').at(-1);
  return {
    ...probed,
    failure: {
      code: 'ERR_MOCO_NATIVE',
      message: `a process that ${during} ${end}${last ? `: ${last}` : ''}`,
      hint: `Build the addon again, on this machine: ${fromScratchCommand(request.root)}`,
    },
  };
}
