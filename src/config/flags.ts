import type { CommandConfig } from './commandConfig.js';
import { type KeySchema, keySchemas, takesNumbers, valueName } from './jsonSchema.js';
import type { ConfigEntry, ConfigLayer } from './layer.js';
import { type ConfigProblem, shown, unknownName } from './problems.js';

/** A flag of a command that sets one key. */
export interface ConfigFlag {
  readonly key: string;
  /** `--batch-size` */
  readonly flag: string;
  /** The reference's spelling, `--batch_size`, where it differs. */
  readonly underscoreFlag: string | undefined;
  /** What stands for the value in the help: `n`. */
  readonly valueName: string;
  readonly description: string;
  readonly defaultValue: unknown;
}

/** A flag as it was typed; `--set` has `key=value` as its text, and an unknown flag may have none. */
export interface TypedFlag {
  readonly flag: string;
  readonly text?: string | undefined;
}

const OTHER_FLAGS = ['--config', '--set', '--print-config', '--json', '--help'];

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** All flags of a command that set a key, in the order of the schema. */
export function configFlags(command: CommandConfig): ConfigFlag[] {
  return [...keySchemas(command)].map(([key, schema]) => {
    const words = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return {
      key,
      flag: `--${words}`,
      underscoreFlag: words.includes('-') ? `--${words.replaceAll('-', '_')}` : undefined,
      valueName: valueName(schema),
      description: schema.description ?? '',
      defaultValue: schema.default,
    };
  });
}

/** Flags as typed to entries. A later flag or `--set` for the same key wins over an earlier one. */
export function flagLayer(command: CommandConfig, typed: readonly TypedFlag[]): ConfigLayer {
  const layer: ConfigLayer = { entries: [], problems: [] };
  const flags = configFlags(command);
  const schemas = keySchemas(command);
  for (const { flag, text = '' } of typed) {
    const known = flags.find((other) => other.flag === flag || other.underscoreFlag === flag);
    if (known) layer.entries.push(typedEntry(schemas, known.key, text, flag));
    else if (flag === '--set') readSetting(schemas, text, layer);
    else layer.problems.push(unknownFlag(command, flag, flags));
  }
  return layer;
}

function readSetting(
  schemas: ReadonlyMap<string, KeySchema>,
  setting: string,
  layer: ConfigLayer,
): void {
  const [, key, text] = /^\s*([^=\s]+)\s*=(.*)$/s.exec(setting) ?? [];
  if (key === undefined || text === undefined) {
    const message = `expected key=value, given ${shown(setting)}`;
    layer.problems.push({ path: '--set', message });
  } else {
    layer.entries.push(typedEntry(schemas, key, text.trim(), `--set ${key}`));
  }
}

function unknownFlag(
  { name }: CommandConfig,
  flag: string,
  flags: readonly ConfigFlag[],
): ConfigProblem {
  if (!flag.startsWith('-')) {
    return { path: shown(flag), message: `expected a flag: \`${name}\` takes no other arguments` };
  }
  // A flag that the command line knows is left over only where it was given a value.
  if (OTHER_FLAGS.includes(flag)) return { path: flag, message: 'takes no value' };
  const known = [...flags.map((other) => other.flag), ...OTHER_FLAGS];
  return { path: flag, message: unknownName('flag', flag, known) };
}

function typedEntry(
  schemas: ReadonlyMap<string, KeySchema>,
  key: string,
  text: string,
  where: string,
): ConfigEntry {
  const schema = schemas.get(key);
  const isNumber = schema !== undefined && takesNumbers(schema) && NUMBER.test(text);
  return isNumber
    ? { key, value: Number(text), given: text, where }
    : { key, value: text, given: shown(text), where };
}
