import type { Command } from 'commander';
import { commands, knn } from '../index.js';
import { type ConfigOptions, configured } from './configOptions.js';
import { InputBars } from './inputBars.js';
import { knnHeader, knnReport } from './knnText.js';
import { noSetupOption, type SetUpOptions, withAddon } from './setUpFirst.js';

export function configureKnn(command: Command): void {
  command.addOption(noSetupOption());
  const json = 'print the result as one JSON object, all else on standard error';
  configured(command, commands.knn, json, (config, options: ConfigOptions & SetUpOptions) =>
    withAddon(options, async (signal) => {
      using bars = new InputBars();
      const result = await knn(config, {
        ...{ signal, ...bars.listeners },
        onEvent: (event) => {
          bars[Symbol.dispose]();
          if (event.type === 'warning') console.error(`warning: ${event.message}`);
          else if (!options.json) print(knnHeader(event));
        },
      });
      print(options.json ? [JSON.stringify(result)] : knnReport(result));
    }),
  );
}

function print(lines: readonly string[]): void {
  for (const line of lines) console.log(line);
}
