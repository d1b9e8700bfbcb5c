import { type DoctorConfigInput, doctorCommand } from '../config/doctorConfig.js';
import { parseConfig } from '../config/resolve.js';
import { packageRoot } from '../packageRoot.js';
import type { Finding } from './finding.js';
import { memory, processor, software, startUp } from './machine.js';
import { native } from './native.js';
import { dataSets, outputFolder } from './storage.js';

export interface DoctorOptions {
  /** Called with each finding, as it is made. */
  readonly onFinding?: ((finding: Finding) => void) | undefined;
}

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
 * @throws MocoError `ERR_MOCO_CONFIG`
 */
export async function doctor(
  config: DoctorConfigInput = {},
  options: DoctorOptions = {},
): Promise<DoctorReport> {
  return await examine(packageRoot, config, options);
}

/** `doctor` of the package in a folder. */
export async function examine(
  root: string,
  config: DoctorConfigInput,
  { onFinding }: DoctorOptions = {},
): Promise<DoctorReport> {
  const { out, dataRoot, ...computing } = parseConfig(doctorCommand, config);
  const findings: Finding[] = [];
  const add = (finding: Finding) => {
    findings.push(finding);
    onFinding?.(finding);
  };
  add(software(root));
  add(await startUp(root));
  add(processor());
  add(memory());
  add(await outputFolder(out));
  for (const finding of await dataSets(dataRoot)) add(finding);
  for await (const finding of native({ root, ...computing })) add(finding);
  return { healthy: findings.every(({ state }) => state !== 'bad'), findings };
}
