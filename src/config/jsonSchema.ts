import { z } from 'zod';
import { type TrainConfigKey, trainConfigSchema } from './trainConfig.js';

/** The part of JSON Schema that one key of the configuration uses. */
export interface KeySchema {
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly type?: 'string' | 'integer' | 'number';
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly anyOf?: readonly KeySchema[];
}

/**
 * JSON Schema (draft 7, which editors understand best) of a `train` configuration file.
 * `$schema` is a key of the file, so that a file can name its schema.
 */
export function trainConfigJsonSchema(): Record<string, unknown> {
  const { properties, ...schema } = z.toJSONSchema(trainConfigSchema, {
    io: 'input',
    target: 'draft-7',
  });
  return {
    ...schema,
    title: 'moco train',
    properties: {
      $schema: { type: 'string', description: 'where this schema is, for editors' },
      ...properties,
    },
  };
}

let keySchemas: Record<string, KeySchema> | undefined;

export function keySchema(key: TrainConfigKey): KeySchema {
  keySchemas ??= trainConfigJsonSchema().properties as Record<string, KeySchema>;
  return keySchemas[key] as KeySchema;
}

/** What a key takes, in words: `an integer from 2 to 65536`. */
export function expectedValue(schema: KeySchema): string {
  if (schema.anyOf) return schema.anyOf.map(expectedValue).join(' or ');
  if (schema.enum) return `one of ${schema.enum.join(', ')}`;
  if (schema.const !== undefined) return schema.const;
  if (schema.type === 'string') return schema.title === 'folder' ? 'a path' : String(schema.title);
  const noun = schema.type === 'integer' ? 'an integer' : 'a number';
  return schema.exclusiveMinimum === undefined
    ? `${noun} from ${schema.minimum} to ${schema.maximum}`
    : `${noun} above ${schema.exclusiveMinimum}, at most ${schema.maximum}`;
}

/** What stands for a key's value in `--help`: `n`, `cpu|cuda`, `folder`. */
export function valueName(schema: KeySchema): string {
  if (schema.anyOf) return schema.anyOf.map(valueName).join('|');
  if (schema.enum) return schema.enum.join('|');
  if (schema.const !== undefined) return schema.const;
  if (schema.type === 'string') return String(schema.title);
  return schema.type === 'integer' ? 'n' : 'x';
}

export function takesNumbers(schema: KeySchema): boolean {
  return schema.anyOf?.some(takesNumbers) ?? schema.type !== 'string';
}
