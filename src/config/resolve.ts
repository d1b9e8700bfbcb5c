import { z } from 'zod';
import * as check from '../arguments/check.js';
import { unknownName } from '../arguments/names.js';
import { isPlainObject, shown } from '../arguments/shown.js';
import { aCommand, type CommandConfig, configKeys } from './commandConfig.js';
import { readConfigFile } from './file.js';
import { flagLayer, type TypedFlag } from './flags.js';
import { expectedValue, type KeySchema, keySchemas, takesObjects } from './jsonSchema.js';
import type { ConfigEntry, ConfigLayer } from './layer.js';
import { type ConfigProblem, configError } from './problems.js';
import { wrongParts } from './wrongParts.js';

/** Where a configuration comes from. */
interface Sources {
  /** What to take in place of the defaults: the configuration of a run that goes on. */
  readonly base?: object | undefined;
  /** Path of a configuration file: JSON, comments and trailing commas allowed. */
  readonly file?: string | undefined;
  readonly flags?: readonly TypedFlag[];
}

const typedFlag = z.strictObject({ flag: z.string('a text'), text: z.string('a text').optional() });

const RESOLVE_ARGUMENTS = {
  command: aCommand,
  sources: check.options<Sources>({
    base: z.custom(isPlainObject, 'an object with keys').optional(),
    file: check.path.optional(),
    flags: z.array(typedFlag, 'a list of flags').optional(),
  }),
};

/**
 * Checks a command's configuration that a program made and fills in the defaults.
 * @throws MocoError `ERR_MOCO_CONFIG` that lists every unknown key and every wrong value.
 */
export function parseConfig<Schema extends z.ZodObject>(
  command: CommandConfig<Schema>,
  config: unknown,
): z.output<Schema> {
  check.requireArguments('parseConfig', { command: aCommand }, { command });
  if (!isPlainObject(config)) {
    const message = `expected an object with keys, given ${shown(config)}`;
    throw configError(command, [{ path: 'config', message }]);
  }
  return resolveLayers(command, [objectLayer(config)]);
}

/**
 * A command's configuration from the command line: defaults < `base` < `file` < `flags`. Among the
 * flags (`--set` is one of them) the last one for a key wins. A value that a later source replaces
 * must be right, too.
 * @throws MocoError `ERR_MOCO_CONFIG` that lists everything that is wrong, each with its place.
 */
export async function resolveConfig<Schema extends z.ZodObject>(
  command: CommandConfig<Schema>,
  sources: Sources,
): Promise<z.output<Schema>> {
  check.requireArguments('resolveConfig', RESOLVE_ARGUMENTS, { command, sources });
  return resolveLayers(command, await layersOf(command, sources));
}

/**
 * What was given on the command line, without defaults: checked as by `resolveConfig`, and what
 * `parseConfig` makes the same configuration of.
 * @throws MocoError as `resolveConfig`
 */
export async function givenConfig<Schema extends z.ZodObject>(
  command: CommandConfig<Schema>,
  sources: Sources,
): Promise<z.input<Schema>> {
  check.requireArguments('givenConfig', RESOLVE_ARGUMENTS, { command, sources });
  const layers = await layersOf(command, sources);
  resolveLayers(command, layers);
  const given = topmost(
    command,
    layers.map(({ entries }) => entries),
  );
  return Object.fromEntries([...given].map(([key, { value }]) => [key, value])) as z.input<Schema>;
}

async function layersOf(
  command: CommandConfig,
  { base = {}, file, flags = [] }: Sources,
): Promise<ConfigLayer[]> {
  const fileLayers = file === undefined ? [] : [await readConfigFile(command, file)];
  return [objectLayer(base), ...fileLayers, flagLayer(command, flags)];
}

function objectLayer(config: object): ConfigLayer {
  const entries = Object.entries(config)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({ key, value, given: shown(value) }));
  return { entries, problems: [] };
}

function resolveLayers<Schema extends z.ZodObject>(
  command: CommandConfig<Schema>,
  given: readonly ConfigLayer[],
): z.output<Schema> {
  const layers = withPreset(command, given);
  const problems = layers.flatMap((layer) => layer.problems);
  const schemas = keySchemas(command);
  const wrong = new Set<string>();
  const right = (entry: ConfigEntry): boolean => {
    const schema = schemas.get(entry.key);
    const found =
      schema === undefined ? [unknownKey(command, entry)] : wrongValues(command, schema, entry);
    problems.push(...found);
    if (found.length > 0 && schema) wrong.add(entry.key);
    return found.length === 0;
  };
  const accepted = topmost(
    command,
    layers.map(({ entries }) => entries.filter(right)),
  );
  const values = [...accepted].map(([key, entry]) => [key, entry.value]);
  const result = command.schema.safeParse(Object.fromEntries(values));
  for (const issue of result.error?.issues ?? []) {
    const key = issue.path[0] as string;
    const keys = issue.code === 'custom' ? (issue.params?.keys as string[]) : [key];
    // A rule about a key whose value is wrong would only compare its default.
    if (keys.some((other) => wrong.has(other))) continue;
    problems.push({ path: key, message: issue.message, where: accepted.get(key)?.where });
  }
  if (result.success && problems.length === 0) return result.data;
  throw configError(command, problems);
}

/** Puts the settings that the sources' preset names below all of them. */
function withPreset(
  command: CommandConfig,
  layers: readonly ConfigLayer[],
): readonly ConfigLayer[] {
  const { preset } = command;
  const named = layers.flatMap(({ entries }) => entries).findLast(({ key }) => key === preset?.key);
  const settings = typeof named?.value === 'string' ? preset?.settings(named.value) : undefined;
  return settings === undefined ? layers : [objectLayer(settings), ...layers];
}

/** Of each key the entry of the highest source, without those whose place an alternative takes. */
function topmost(
  { alternatives = [] }: CommandConfig,
  sources: readonly (readonly ConfigEntry[])[],
): ReadonlyMap<string, ConfigEntry> {
  const top = new Map<string, ConfigEntry>();
  for (const entries of sources) {
    const isReplaced = entries.some(({ key }) => alternatives.includes(key));
    if (isReplaced) for (const key of alternatives) top.delete(key);
    for (const entry of entries) top.set(entry.key, entry);
  }
  return top;
}

function unknownKey(command: CommandConfig, { key, where, whereKey }: ConfigEntry): ConfigProblem {
  const message = unknownName('key', key, configKeys(command));
  return { path: key, message, where: whereKey ?? where };
}

/** What is wrong with the value of a key: one problem, or one for each part that is wrong. */
function wrongValues(
  { schema }: CommandConfig,
  keySchema: KeySchema,
  entry: ConfigEntry,
): ConfigProblem[] {
  const { key, value, given, where } = entry;
  const issues = schema.shape[key].safeParse(value).error?.issues ?? [];
  if (issues.length === 0) return [];
  if (takesObjects(keySchema)) return wrongParts(keySchema, entry, issues);
  return [{ path: key, message: `expected ${expectedValue(keySchema)}, given ${given}`, where }];
}
