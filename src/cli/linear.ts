import type { Command } from 'commander';
import { commands, linear } from '../index.js';
import { configured } from './configOptions.js';
import { interruptible } from './interruption.js';
import { LinearText } from './linearText.js';
import { runOutput } from './runOutput.js';

export function configureLinear(command: Command): void {
  const json = 'print one JSON object per event, all else on standard error';
  configured(command, commands.linear, json, (config, options) =>
    interruptible(async (signal) => {
      using output = runOutput(options.json ? 'json' : 'text', new LinearText());
      await linear(config, {
        signal,
        onEvent: (event) => output.show(event),
        onDownload: (progress) => output.showDownload(progress),
      });
    }),
  );
}
