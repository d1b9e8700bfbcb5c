import { z } from 'zod';
import { requireArguments } from '../arguments/check.js';
import { aCommand, type CommandConfig } from './commandConfig.js';

/** The part of JSON Schema that one key of the configuration uses. */
export interface KeySchema {
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object';
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly anyOf?: readonly KeySchema[];
  readonly items?: KeySchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, KeySchema>>;
}

/**
 * JSON Schema (draft 7, which editors understand best) of a command's configuration file.
 * `$schema` is a key of the file, so that a file can name its schema.
 * @throws MocoError `ERR_MOCO_CONFIG` where `command` is none
 */
export function configJsonSchema(command: CommandConfig): Record<string, unknown> {
  requireArguments('configJsonSchema', { command: aCommand }, { command });
  const { name, schema } = command;
  const { properties, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' });
  return {
    ...rest,
    title: `moco ${name}`,
    properties: {
      $schema: { type: 'string', description: 'where this schema is, for editors' },
      ...properties,
    },
  };
}

/** What each key of a command takes. */
export function keySchemas(command: CommandConfig): ReadonlyMap<string, KeySchema> {
  const properties = configJsonSchema(command).properties as Record<string, KeySchema>;
  const { $schema, ...keys } = properties;
  return new Map(Object.entries(keys));
}

/** What a key takes, in words: `an integer from 2 to 65536`. */
export function expectedValue(schema: KeySchema): string {
  if (schema.anyOf) return schema.anyOf.map(expectedValue).join(' or ');
  if (schema.enum) return `one of ${schema.enum.join(', ')}`;
  if (schema.const !== undefined) return schema.const;
  if (schema.type === 'string') return isPath(schema) ? 'a path' : String(schema.title);
  if (schema.type === 'boolean') return 'true or false';
  if (schema.items) {
    const { minItems, maxItems, items } = schema;
    const length = minItems === maxItems ? `${minItems}` : `${minItems} to ${maxItems}`;
    return `a list of ${length}, each ${expectedValue(items)}`;
  }
  if (schema.properties) return `an object of ${Object.keys(schema.properties).join(', ')}`;
  const noun = schema.type === 'integer' ? 'an integer' : 'a number';
  return schema.exclusiveMinimum === undefined
    ? `${noun} from ${schema.minimum} to ${schema.maximum}`
    : `${noun} above ${schema.exclusiveMinimum}, at most ${schema.maximum}`;
}

/** What stands for a key's value in `--help`: `n`, `cpu|cuda`, `folder`, `x,…` for a list. */
export function valueName(schema: KeySchema): string {
  if (schema.anyOf) return schema.anyOf.map(valueName).join('|');
  if (schema.enum) return schema.enum.join('|');
  if (schema.const !== undefined) return schema.const;
  if (schema.type === 'string') return String(schema.title);
  if (takesObjects(schema)) return 'json';
  if (schema.items)
    return isPath(schema.items) ? valueName(schema.items) : `${valueName(schema.items)},…`;
  return schema.type === 'integer' ? 'n' : 'x';
}

export function takesNumbers(schema: KeySchema): boolean {
  return schema.anyOf?.some(takesNumbers) ?? ['integer', 'number'].includes(schema.type ?? '');
}

/** Whether a key takes a list of objects, which is written as JSON. */
export function takesObjects({ items }: KeySchema): boolean {
  return items?.type === 'object';
}

/** Whether a key takes a path of a file or folder, and nothing else. */
export function isPath({ title }: KeySchema): boolean {
  return title === 'folder' || title === 'file';
}

/** Whether a value is a path by what its key takes: one that also takes words has its own in `enum`. */
export function isPathValue(schema: KeySchema, value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const isWord = schema.anyOf?.some((other) => other.enum?.includes(value)) ?? false;
  return !isWord && (isPath(schema) || (schema.anyOf?.some(isPath) ?? false));
}
