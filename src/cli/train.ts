import type { Command } from 'commander';
import { commands, train } from '../index.js';
import { configured } from './configOptions.js';
import { Interruption } from './interruption.js';
import { trainOutput } from './trainOutput.js';

export function configureTrain(command: Command): void {
  const json = 'print one JSON object per event, all else on standard error';
  configured(command, commands.train, json, async (config, options) => {
    using interruption = new Interruption();
    using output = trainOutput(options.json ? 'json' : 'text');
    const { signal } = interruption;
    try {
      await train(config, {
        signal,
        onEvent: (event) => output.show(event),
        onDownload: (progress) => output.showDownload(progress),
      });
    } catch (error) {
      interruption.throwIfReceived();
      throw error;
    }
  });
}
