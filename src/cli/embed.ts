import type { Command } from 'commander';
import { commands, embedPictures } from '../index.js';
import { type ConfigOptions, configured } from './configOptions.js';
import { embedHeader, embedReport } from './embedText.js';
import { InputBars } from './inputBars.js';
import { PackBar } from './packBar.js';
import { noSetupOption, type SetUpOptions, withAddon } from './setUpFirst.js';

export function configureEmbed(command: Command): void {
  command.addOption(noSetupOption());
  const json = 'print the result as one JSON object, all else on standard error';
  configured(command, commands.embed, json, (config, options: ConfigOptions & SetUpOptions) =>
    withAddon(options, async (signal) => {
      using bars = new InputBars();
      using bar = new PackBar('embedding into');
      const result = await embedPictures(config, {
        ...{ signal, ...bars.listeners },
        onEvent: (event) => {
          bars[Symbol.dispose]();
          if (event.type === 'warning') console.error(`warning: ${event.message}`);
          else if (!options.json) print(embedHeader(event));
        },
        onProgress: (progress) => bar.show(progress),
      });
      bar[Symbol.dispose]();
      print(options.json ? [JSON.stringify(result)] : embedReport(result));
    }),
  );
}

function print(lines: readonly string[]): void {
  for (const line of lines) console.log(line);
}
