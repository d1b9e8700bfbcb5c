import { type Command, InvalidArgumentError } from 'commander';
import {
  commands,
  joinProcesses,
  resumedConfig,
  type TrainConfigInput,
  type TrainSettings,
  train,
} from '../index.js';
import { type ConfigOptions, configured } from './configOptions.js';
import { runProcesses } from './processes.js';
import { duration } from './quantities.js';
import { runOutput } from './runOutput.js';
import { noSetupOption, type SetUpOptions, withAddon } from './setUpFirst.js';
import { TrainText } from './trainText.js';

interface TrainOptions extends ConfigOptions, SetUpOptions {
  /** The value of `--resume`; `true` where it was given without one. */
  readonly resume?: string | true;
  readonly orStart?: true;
  readonly override?: string;
  readonly processes?: number;
}

const RESUME_HELP = `
A run that goes on takes the checkpoint's configuration; only epochs, dataRoot, dataThreads,
cudaGraph, out and the checkpoints' intervals may differ, and what --override names.`;

export function configureTrain(command: Command): void {
  command
    .option(
      '--resume [path]',
      'go on with the run where its newest good checkpoint is; with a path: from that checkpoint or run directory, with its configuration',
    )
    .option(
      '--or-start',
      'with --resume without a path: start the run where it has no checkpoint yet, as for jobs that a batch system starts again',
    )
    .option('--override <keys>', 'keys, comma-separated, that may differ from the checkpoint')
    .option(
      '--processes <number>',
      'train with so many processes on this machine, without another launcher; torchrun and srun start them on several',
      (text) => processCount(text),
    )
    .addOption(noSetupOption())
    .addHelpText('after', RESUME_HELP);
  const json = 'print one JSON object per event, all else on standard error';
  const act = (_: TrainSettings, options: TrainOptions, given: TrainConfigInput) =>
    run(given, options);
  configured(command, commands.train, json, act, ({ resume }) =>
    typeof resume === 'string' ? resumedConfig(resume) : undefined,
  );
}

/** @param config as it was given, since a recipe is chosen for what was not */
async function run(config: TrainConfigInput, options: TrainOptions): Promise<void> {
  const { json, resume, orStart, override, processes = 1 } = options;
  if (processes > 1 && process.env.RANK === undefined) {
    await withAddon(options, async () => {}); // set up once, and not by each of them
    return await runProcesses(process.argv.slice(2), processes);
  }
  // What c10d does not tell by an exception; of a lost connection it would show a stack trace.
  process.env.TORCH_CPP_LOG_LEVEL ??= 'ERROR';
  return await withAddon(options, async (signal) => {
    await using group = await joinProcesses({ signal });
    const given = { signal, group, resume, orStart, override: override?.split(',') };
    if (group && !group.isFirst) {
      await train(config, given); // the first one shows what happens
      return;
    }
    using output = runOutput(json ? 'json' : 'text', new TrainText());
    await train(config, {
      ...given,
      ...output.listeners,
      onTrial: ({ seconds }) =>
        console.error(`measuring the speed of the run, for about ${duration(seconds)} …`),
      onEvent: (event) => output.show(event),
    });
  });
}

function processCount(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a number of processes, from 1 to 999');
}
