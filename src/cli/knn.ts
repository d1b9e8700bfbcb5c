import type { Command } from 'commander';
import { commands, knn } from '../index.js';
import { configured } from './configOptions.js';
import { DownloadBar } from './downloadBar.js';
import { interruptible } from './interruption.js';
import { knnHeader, knnReport } from './knnText.js';

export function configureKnn(command: Command): void {
  const json = 'print the result as one JSON object, all else on standard error';
  configured(command, commands.knn, json, (config, options) =>
    interruptible(async (signal) => {
      using download = new DownloadBar();
      const result = await knn(config, {
        signal,
        onEvent: (event) => {
          download[Symbol.dispose]();
          if (event.type === 'warning') console.error(`warning: ${event.message}`);
          else if (!options.json) print(knnHeader(event));
        },
        onDownload: (progress) => download.show(progress),
      });
      print(options.json ? [JSON.stringify(result)] : knnReport(result));
    }),
  );
}

function print(lines: readonly string[]): void {
  for (const line of lines) console.log(line);
}
