import type { Command } from 'commander';
import { commands, type NeighboursResult, neighbours } from '../index.js';
import { type ConfigOptions, configured } from './configOptions.js';
import { InputBars } from './inputBars.js';
import { noSetupOption, type SetUpOptions, withAddon } from './setUpFirst.js';
import { shownPath } from './shownPath.js';

export function configureNeighbours(command: Command): void {
  command.addOption(noSetupOption());
  const json = 'print the result as one JSON object, all else on standard error';
  configured(command, commands.neighbours, json, (config, options: ConfigOptions & SetUpOptions) =>
    withAddon(options, async (signal) => {
      using bars = new InputBars();
      const result = await neighbours(config, { signal, ...bars.listeners });
      for (const notice of result.notices) console.error(`warning: ${notice}`);
      for (const line of options.json ? [JSON.stringify(result)] : lines(result)) console.log(line);
    }),
  );
}

function lines({ page, pictures }: NeighboursResult): string[] {
  return [`wrote ${shownPath(page)}: ${pictures.length} test pictures with their neighbours`];
}
