import type { Command } from 'commander';
import { commands, train } from '../index.js';
import { configured } from './configOptions.js';
import { interruptible } from './interruption.js';
import { runOutput } from './runOutput.js';
import { TrainText } from './trainText.js';

export function configureTrain(command: Command): void {
  const json = 'print one JSON object per event, all else on standard error';
  configured(command, commands.train, json, (config, options) =>
    interruptible(async (signal) => {
      using output = runOutput(options.json ? 'json' : 'text', new TrainText());
      await train(config, {
        signal,
        onEvent: (event) => output.show(event),
        onDownload: (progress) => output.showDownload(progress),
      });
    }),
  );
}
