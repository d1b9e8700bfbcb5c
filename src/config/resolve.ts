import { readConfigFile } from './file.js';
import { flagLayer, type TypedFlag } from './flags.js';
import { expectedValue, keySchema } from './jsonSchema.js';
import type { ConfigEntry, ConfigLayer } from './layer.js';
import { type ConfigProblem, configError, shown, unknownName } from './problems.js';
import {
  type TrainConfig,
  type TrainConfigKey,
  trainConfigKeys,
  trainConfigSchema,
} from './trainConfig.js';

/**
 * Checks a configuration that a program made and fills in the defaults.
 * @throws MocoError `ERR_MOCO_CONFIG` that lists every unknown key and every wrong value.
 */
export function parseTrainConfig(config: unknown): TrainConfig {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    const message = `expected an object with keys, given ${shown(config)}`;
    throw configError([{ path: 'config', message }]);
  }
  const entries = Object.entries(config)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({ key, value, given: shown(value) }));
  return resolveLayers([{ entries, problems: [] }]);
}

/**
 * Configuration from the command line: defaults < `file` < `flags`. Among the flags (`--set` is one
 * of them) the last one for a key wins. A value that a later source replaces must be right, too.
 * @param file path of a configuration file: JSON, comments and trailing commas allowed
 * @throws MocoError `ERR_MOCO_CONFIG` that lists everything that is wrong, each with its place.
 */
export async function resolveTrainConfig(sources: {
  readonly file?: string | undefined;
  readonly flags?: readonly TypedFlag[];
}): Promise<TrainConfig> {
  const layers = sources.file === undefined ? [] : [await readConfigFile(sources.file)];
  return resolveLayers([...layers, flagLayer(sources.flags ?? [])]);
}

function resolveLayers(layers: readonly ConfigLayer[]): TrainConfig {
  const problems = layers.flatMap((layer) => layer.problems);
  const accepted = new Map<TrainConfigKey, ConfigEntry>();
  const wrong = new Set<TrainConfigKey>();
  for (const entry of layers.flatMap((layer) => layer.entries)) {
    const key = trainConfigKeys.find((known) => known === entry.key);
    const problem = key === undefined ? unknownKey(entry) : wrongValue(key, entry);
    if (problem) problems.push(problem);
    if (problem && key) wrong.add(key);
    else if (key) accepted.set(key, entry);
  }
  const values = [...accepted].map(([key, entry]) => [key, entry.value]);
  const result = trainConfigSchema.safeParse(Object.fromEntries(values));
  for (const issue of result.error?.issues ?? []) {
    const key = issue.path[0] as TrainConfigKey;
    const keys = issue.code === 'custom' ? (issue.params?.keys as TrainConfigKey[]) : [key];
    // What is compared with a wrong value's default says nothing.
    if (keys.some((other) => wrong.has(other))) continue;
    problems.push({ path: key, message: issue.message, where: accepted.get(key)?.where });
  }
  if (result.success && problems.length === 0) return result.data;
  throw configError(problems);
}

function unknownKey({ key, where, whereKey }: ConfigEntry): ConfigProblem {
  return { path: key, message: unknownName('key', key, trainConfigKeys), where: whereKey ?? where };
}

function wrongValue(
  key: TrainConfigKey,
  { value, given, where }: ConfigEntry,
): ConfigProblem | undefined {
  if (trainConfigSchema.shape[key].safeParse(value).success) return undefined;
  return { path: key, message: `expected ${expectedValue(keySchema(key))}, given ${given}`, where };
}
