import { z } from 'zod';
import type { CommandConfig } from './commandConfig.js';
import { computeKeys, dataKeys, out } from './sharedKeys.js';

/** Everything that `moco doctor` can be told. */
const doctorConfigSchema = z.strictObject({
  dataRoot: dataKeys.dataRoot,
  out,
  device: computeKeys.device,
  precision: computeKeys.precision,
  threads: computeKeys.threads,
});

export const doctorCommand = {
  name: 'doctor',
  schema: doctorConfigSchema,
} as const satisfies CommandConfig;

/** A complete configuration of `doctor`: every default filled in. */
export type DoctorConfig = z.output<typeof doctorConfigSchema>;

/** What a program passes: every key may be left out. */
export type DoctorConfigInput = z.input<typeof doctorConfigSchema>;
