import type { Command } from 'commander';
import { commands, exportModel } from '../index.js';
import { type ConfigOptions, configured } from './configOptions.js';
import { exportLines } from './exportText.js';
import { noSetupOption, type SetUpOptions, withAddon } from './setUpFirst.js';

export function configureExport(command: Command): void {
  command.addOption(noSetupOption());
  const json = 'print the result as one JSON object, all else on standard error';
  configured(command, commands.export, json, (config, options: ConfigOptions & SetUpOptions) =>
    withAddon(options, async (signal) => {
      const result = await exportModel(config, { signal });
      const lines = options.json ? [JSON.stringify(result)] : exportLines(result);
      for (const line of lines) console.log(line);
    }),
  );
}
