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
  return { ...config, ...absolutePaths(command, config) };
}

/** The values of a configuration that are paths, or lists of them, as `withAbsolutePaths`. */
export function absolutePaths<Config extends object>(
  command: CommandConfig,
  config: Config,
): Partial<Config> {
  const values = [...keySchemas(command)].map(
    ([key, schema]) => [key, schema, config[key as keyof Config]] as const,
  );
  const paths = values.filter(([, schema, value]) => hasPath(schema, value));
  const places = paths.map(([key, schema, value]) => [key, located(schema, value)]);
  return Object.fromEntries(places) as Partial<Config>;
}

function hasPath(schema: KeySchema, value: unknown): boolean {
  if (Array.isArray(value)) return value.some((item) => hasPath(schema.items ?? {}, item));
  return isPathValue(schema, value);
}

/** The value of a key, with its paths absolute. */
function located(schema: KeySchema, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => located(schema.items ?? {}, item));
  return isPathValue(schema, value) ? absolute(value) : value;
}
