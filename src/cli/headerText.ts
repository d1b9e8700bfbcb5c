import type { TrainerDescription } from '../index.js';
import { count } from './quantities.js';

/** What computes, and how. */
export function machineLines(description: TrainerDescription): string[] {
  const { mocoVersion, libtorchVersion, device, deviceName } = description;
  const { computeThreads, dataThreads, precision, precisionReason } = description;
  const threads = `${count(computeThreads, 'compute thread')}, ${count(dataThreads, 'data thread')}`;
  return [
    `moco ${mocoVersion}, LibTorch ${libtorchVersion}`,
    `device  ${device} (${deviceName}), ${threads}`,
    `        ${precision}: ${precisionReason}`,
  ];
}
