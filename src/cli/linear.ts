import type { Command } from 'commander';
import { commands, linear } from '../index.js';
import { type ConfigOptions, configured } from './configOptions.js';
import { LinearText } from './linearText.js';
import { runOutput } from './runOutput.js';
import { noSetupOption, type SetUpOptions, withAddon } from './setUpFirst.js';

export function configureLinear(command: Command): void {
  command.addOption(noSetupOption());
  const json = 'print one JSON object per event, all else on standard error';
  configured(command, commands.linear, json, (config, options: ConfigOptions & SetUpOptions) =>
    withAddon(options, async (signal) => {
      using output = runOutput(options.json ? 'json' : 'text', new LinearText());
      await linear(config, {
        ...{ signal, ...output.listeners },
        onEvent: (event) => output.show(event),
      });
    }),
  );
}
