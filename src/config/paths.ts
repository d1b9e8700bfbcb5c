import { absolute } from '../arguments/paths.js';
import type { CommandConfig } from './commandConfig.js';
import { isPathValue, type KeySchema, keySchemas } from './jsonSchema.js';

/**
 * A configuration to work by: its paths lie where they do now, whatever the working folder becomes
 * later. What is shown and saved is the configuration as it was given.
 * @throws MocoError `ERR_MOCO_CONFIG` where the working folder is gone
 */
export function withAbsolutePaths<Config extends object>(
  command: CommandConfig,
  config: Config,
): Config {
  const paths = [...keySchemas(command)].map(([key, schema]) => [
    key,
    located(schema, config[key as keyof Config]),
  ]);
  return { ...config, ...Object.fromEntries(paths) };
}

/** The value of a key, with its paths absolute. */
function located(schema: KeySchema, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => located(schema.items ?? {}, item));
  return isPathValue(schema, value) ? absolute(value) : value;
}
