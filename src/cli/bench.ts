import type { Command } from 'commander';
import { type BenchConfig, type BenchEvent, bench, commands, profileStep } from '../index.js';
import { benchHeader, benchReport, measuringText } from './benchText.js';
import { type ConfigOptions, configured } from './configOptions.js';
import { profileReport } from './profileText.js';
import { runOutput } from './runOutput.js';
import { noSetupOption, type SetUpOptions, withAddon } from './setUpFirst.js';

interface BenchFlags extends ConfigOptions, SetUpOptions {
  readonly profile?: boolean;
}

export function configureBench(command: Command): void {
  command
    .option('--profile', 'tell where the time of a training step goes, by operator, instead')
    .addOption(noSetupOption());
  const json = 'print the result as one JSON object, all else on standard error';
  configured(command, commands.bench, json, run);
}

function run(config: BenchConfig, flags: BenchFlags): Promise<void> {
  const { json, profile } = flags;
  return withAddon(flags, async (signal) => {
    if (json) {
      console.log(JSON.stringify(await (profile ? profileStep : bench)(config, { signal })));
      return;
    }
    using output = runOutput<BenchEvent>('text', { textOf });
    const options = { signal, onEvent: (event: BenchEvent) => output.show(event) };
    const report = profile
      ? profileReport(await profileStep(config, options))
      : benchReport(await bench(config, options));
    output[Symbol.dispose](); // takes the live line away
    for (const line of report) console.log(line);
  });
}

function textOf(event: BenchEvent) {
  return event.type === 'start' ? { lines: benchHeader(event) } : { live: measuringText(event) };
}
