import type { Command } from 'commander';
import { commands, searchPictures } from '../index.js';
import { type ConfigOptions, configured } from './configOptions.js';
import { searchReport } from './searchText.js';
import { noSetupOption, type SetUpOptions, withAddon } from './setUpFirst.js';

export function configureSearch(command: Command): void {
  command.usage('[options] PICTURE…').addOption(noSetupOption());
  const json = 'print the result as one JSON object, all else on standard error';
  configured(command, commands.search, json, (config, options: ConfigOptions & SetUpOptions) =>
    withAddon(options, async (signal) => {
      const result = await searchPictures(config, { signal });
      for (const notice of result.notices) console.error(`warning: ${notice}`);
      const lines = options.json ? [JSON.stringify(result)] : searchReport(result);
      for (const line of lines) console.log(line);
    }),
  );
}
