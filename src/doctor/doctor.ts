import { throwIfAborted } from '../abort.js';
import * as check from '../arguments/check.js';
import { type DoctorConfigInput, doctorCommand } from '../config/doctorConfig.js';
import { withAbsolutePaths } from '../config/paths.js';
import { parseConfig } from '../config/resolve.js';
import { packageRoot } from '../packageRoot.js';
import type { Finding } from './finding.js';
import { memory, processor, software, startUp } from './machine.js';
import { native } from './native.js';
import { packedDataSets, pictureDecoder } from './pictures.js';
import { dataSets, outputFolder } from './storage.js';

export interface DoctorOptions {
  /** Called with each finding, as it is made; the examination waits for what it returns. */
  readonly onFinding?: ((finding: Finding) => void | Promise<void>) | undefined;
  /** Ends the examination, soon. */
  readonly signal?: AbortSignal | undefined;
}

const ARGUMENTS = {
  options: check.options<DoctorOptions>({ onFinding: check.callback, signal: check.signal }),
};

/** Everything that was found. */
export interface DoctorReport {
  /** Whether no finding is bad. */
  readonly healthy: boolean;
  readonly findings: readonly Finding[];
}

/**
 * Examines this machine: what moco needs, what it would use, and whether one real training step
 * works. What is missing or wrong is a finding, never an error.
 * @param config what differs from the defaults
 * @throws MocoError `ERR_MOCO_CONFIG`; `ERR_MOCO_ABORTED` after the signal
 */
export async function doctor(
  config: DoctorConfigInput = {},
  options: DoctorOptions = {},
): Promise<DoctorReport> {
  check.requireArguments('doctor', ARGUMENTS, { options });
  return await examine(packageRoot, config, options);
}

/** `doctor` of the package in a folder. */
export async function examine(
  root: string,
  config: DoctorConfigInput,
  { onFinding, signal }: DoctorOptions = {},
): Promise<DoctorReport> {
  const located = withAbsolutePaths(doctorCommand, parseConfig(doctorCommand, config));
  const { out, dataRoot, ...computing } = located;
  const findings: Finding[] = [];
  const examination = async function* () {
    yield software(root);
    yield await startUp(root);
    yield processor();
    yield memory();
    yield await outputFolder(out);
    yield* await dataSets(dataRoot);
    yield* await packedDataSets(dataRoot);
    yield await pictureDecoder();
    yield* native({ root, ...computing }, signal);
  };
  throwIfAborted(signal, 'the examination');
  for await (const finding of examination()) {
    findings.push(finding);
    await onFinding?.(finding);
    throwIfAborted(signal, 'the examination');
  }
  return { healthy: findings.every(({ state }) => state !== 'bad'), findings };
}
