import { Option } from 'commander';
import { setup } from '../index.js';
import { interruptible } from './interruption.js';
import { SetupOutput } from './setupOutput.js';

/** What a command takes that needs the addon. */
export interface SetUpOptions {
  /** False after `--no-setup`. */
  readonly setup?: boolean;
}

/** The flag of a command that needs the addon. */
export function noSetupOption(): Option {
  return new Option(
    '--no-setup',
    'where moco is not set up yet, end with an error instead of setting it up (also: MOCO_NO_SETUP=1)',
  );
}

/**
 * Runs what needs the addon and a signal ends, after setting moco up where that was not done yet.
 * @throws as `interruptible`
 */
export async function withAddon(
  options: SetUpOptions,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  await interruptible(async (signal) => {
    // Without a set-up, the run itself says what is missing.
    if (options.setup !== false) await setUpWhereNeeded(signal);
    await run(signal);
  });
}

async function setUpWhereNeeded(signal: AbortSignal): Promise<void> {
  using output = new SetupOutput();
  await setup({ signal, onEvent: (event) => output.show(event) });
}
