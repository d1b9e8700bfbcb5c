import { requireArguments } from '../arguments/check.js';
import { unknownName } from '../arguments/names.js';
import { shown } from '../arguments/shown.js';
import { aCommand, type CommandConfig } from './commandConfig.js';
import {
  isPath,
  type KeySchema,
  keySchemas,
  takesNumbers,
  takesObjects,
  valueName,
} from './jsonSchema.js';
import type { ConfigEntry, ConfigLayer } from './layer.js';
import type { ConfigProblem } from './problems.js';

/** A flag of a command that sets one key. */
export interface ConfigFlag {
  readonly key: string;
  /** `--batch-size` */
  readonly flag: string;
  /** The reference's spelling, `--batch_size`, where it differs. */
  readonly underscoreFlag: string | undefined;
  /** What stands for the value in the help, such as `n`; undefined for a flag without a value. */
  readonly valueName: string | undefined;
  /**
   * What a flag without a value sets: `false` for `--no-…`, the flag of a key that is on by
   * default.
   */
  readonly meaning: 'true' | 'false' | undefined;
  readonly description: string;
  readonly defaultValue: unknown;
}

/**
 * A flag as it was typed; `--set` has `key=value` as its text, a flag without a value has `true`, and
 * a flag that is wrong has none.
 */
export interface TypedFlag {
  readonly flag: string;
  readonly text?: string | undefined;
}

/** A key and the text of its value. */
interface Setting {
  readonly key: string;
  readonly text: string;
  readonly where: string;
}

type Schemas = ReadonlyMap<string, KeySchema>;

const OTHER_FLAGS = ['--config', '--set', '--print-config', '--json', '--help'];

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * All flags of a command that set a key, in the order of the schema.
 * @throws MocoError `ERR_MOCO_CONFIG` where `command` is none
 */
export function configFlags(command: CommandConfig): ConfigFlag[] {
  requireArguments('configFlags', { command: aCommand }, { command });
  return [...keySchemas(command)].map(([key, schema]) => {
    const isSwitch = schema.type === 'boolean';
    const isOn = isSwitch && schema.default === true;
    const name = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const words = isOn ? `no-${name}` : name;
    return {
      key,
      flag: `--${words}`,
      underscoreFlag: words.includes('-') ? `--${words.replaceAll('-', '_')}` : undefined,
      valueName: isSwitch ? undefined : valueName(schema),
      meaning: isSwitch ? (isOn ? 'false' : 'true') : undefined,
      description: schema.description ?? '',
      defaultValue: schema.default,
    };
  });
}

/**
 * Flags as typed to entries. A later flag or `--set` for the same key wins over an earlier one; those
 * for a list make one list, but for a list of objects, which is given as JSON.
 */
export function flagLayer(command: CommandConfig, typed: readonly TypedFlag[]): ConfigLayer {
  const flags = configFlags(command);
  const settings: Setting[] = [];
  const problems: ConfigProblem[] = [];
  for (const { flag, text } of typed) {
    const known = flags.find((other) => other.flag === flag || other.underscoreFlag === flag);
    const setting = flag === '--set' ? parseSetting(text) : undefined;
    if (setting) settings.push(setting);
    else if (known && text !== undefined) settings.push({ key: known.key, text, where: flag });
    else problems.push(flag === '--set' ? wrongSetting(text) : wrongFlag(command, flag, flags));
  }
  const schemas = keySchemas(command);
  const entries = joinLists(settings, schemas).map((setting) => typedEntry(setting, schemas));
  return { entries, problems };
}

/** `key=value` */
function parseSetting(setting = ''): Setting | undefined {
  const [, key, text] = /^\s*([^=\s]+)\s*=(.*)$/s.exec(setting) ?? [];
  if (key === undefined || text === undefined) return undefined;
  return { key, text: text.trim(), where: `--set ${key}` };
}

function wrongSetting(setting = ''): ConfigProblem {
  return { path: '--set', message: `expected key=value, given ${shown(setting)}` };
}

function wrongFlag(
  { name, otherFlags = [] }: CommandConfig,
  flag: string,
  flags: readonly ConfigFlag[],
): ConfigProblem {
  if (!flag.startsWith('-')) {
    return { path: shown(flag), message: `expected a flag: \`${name}\` takes no other arguments` };
  }
  const known = [...flags.map((other) => other.flag), ...OTHER_FLAGS, ...otherFlags];
  // The command line leaves a known flag over only where that was given a value.
  if (known.includes(flag)) return { path: flag, message: 'takes no value' };
  return { path: flag, message: unknownName('flag', flag, known) };
}

/**
 * Joins the parts in which a list was given; the whole list stands in the place of the first part.
 */
function joinLists(settings: readonly Setting[], schemas: Schemas): Setting[] {
  return settings.flatMap((setting, index) => {
    const schema = schemas.get(setting.key);
    if (schema?.type !== 'array' || takesObjects(schema)) return [setting];
    const parts = settings.filter(({ key }) => key === setting.key);
    const isFirst = settings.indexOf(parts[0] as Setting) === index;
    const text = parts.map((part) => part.text).join(separatorOf(schema));
    return isFirst ? [{ ...setting, text }] : [];
  });
}

/** What stands between the items of a list: a comma, which may be part of a path. */
function separatorOf({ items = {} }: KeySchema): string {
  return isPath(items) ? '\0' : ',';
}

function typedEntry({ key, text, where }: Setting, schemas: Schemas): ConfigEntry {
  const value = typedValue(text, schemas.get(key));
  return { key, value, given: typeof value === 'number' ? text : shown(text), where };
}

/** The text as a value of the key's type; the text itself where it is none. */
function typedValue(text: string, schema: KeySchema = {}): unknown {
  if (takesObjects(schema)) return jsonValue(text);
  if (schema.items) {
    return text.split(separatorOf(schema)).map((part) => typedValue(part, schema.items));
  }
  if (schema.type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true';
  return takesNumbers(schema) && NUMBER.test(text.trim()) ? Number(text) : text;
}

/** What the text says as JSON; the text itself where it is none. */
function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
