import { once } from 'node:events';
import type { Command } from 'commander';
import { commands, type RunningService, type ServeConfig, serve } from '../index.js';
import { type ConfigOptions, configured } from './configOptions.js';
import { noSetupOption, type SetUpOptions, withAddon } from './setUpFirst.js';
import { shownPath } from './shownPath.js';

export function configureServe(command: Command): void {
  command.addOption(noSetupOption());
  const json = 'print one JSON object when it listens, all else on standard error';
  configured(command, commands.serve, json, (config, options: ConfigOptions & SetUpOptions) =>
    withAddon(options, async (signal) => {
      await using service = await serve(config, { signal, onFailure: reportFailure });
      for (const notice of service.notices) console.error(`warning: ${notice}`);
      const { url, encoder } = service;
      if (options.json) console.log(JSON.stringify({ type: 'listening', url, encoder }));
      else for (const line of lines(config, service)) console.log(line);
      if (!signal.aborted) await once(signal, 'abort');
    }),
  );
}

function lines({ modelPath, index }: ServeConfig, { url, encoder }: RunningService): string[] {
  const { model, device, precision, computeThreads } = encoder;
  const searched = index === undefined ? [] : [`searching in ${shownPath(index)}`];
  return [
    `${shownPath(modelPath)}: ${model.arch}, ${model.input.imageSize} × ${model.input.imageSize} pixels`,
    `computing on ${device} in ${precision}, ${computeThreads} threads`,
    ...searched,
    `listening on ${url} (${url}/docs says what there is)`,
  ];
}

function reportFailure(failure: unknown): void {
  const { message, stack } = failure as Error;
  console.error(`error: a request failed: ${process.env.MOCO_DEBUG ? stack : message}`);
}
