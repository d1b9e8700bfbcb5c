import { absolute } from '../arguments/paths.js';
import type { CommandConfig } from './commandConfig.js';
import { isPath, keySchemas } from './jsonSchema.js';

/**
 * A configuration to work by: its paths lie where they do now, whatever the working folder becomes
 * later. What is shown and saved is the configuration as it was given.
 * @throws MocoError `ERR_MOCO_CONFIG` where the working folder is gone
 */
export function withAbsolutePaths<Config extends object>(
  command: CommandConfig,
  config: Config,
): Config {
  const keys = [...keySchemas(command)].filter(([, schema]) => isPath(schema));
  const paths = keys.map(([key]) => [key, absolute(config[key as keyof Config] as string)]);
  return { ...config, ...Object.fromEntries(paths) };
}
