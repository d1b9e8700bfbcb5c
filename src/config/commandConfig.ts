import { z } from 'zod';
import { isPlainObject } from '../arguments/shown.js';

/**
 * What one command can be told. Its flags, its part of `--help`, the JSON Schema, the starting file
 * and the types come from the schema.
 */
export interface CommandConfig<Schema extends z.ZodObject = z.ZodObject> {
  /** The command's name, as it is typed after `moco`. */
  readonly name: string;
  readonly schema: Schema;
  /** The key that words of the command line set which belong to no flag; its value is a list. */
  readonly operands?: string;
  /**
   * Keys that say the same thing in different ways: one that a source gives takes the place of all that
   * the sources below it gave.
   */
  readonly alternatives?: readonly string[];
  /**
   * The key whose value names settings that lie below all sources.
   * @returns those settings; undefined where the value names none
   */
  readonly preset?: { readonly key: string; settings(name: string): object | undefined };
  /** Flags of the command that set no key, such as `--resume`. */
  readonly otherFlags?: readonly string[];
}

/** The check of an argument that is a command's configuration. */
export const aCommand = z.custom<CommandConfig>(
  (value) => isPlainObject(value) && value.schema instanceof z.ZodObject,
  'one of `commands`, such as commands.train',
);

/** All keys, in the order of the schema. */
export function configKeys({ schema }: CommandConfig): string[] {
  return Object.keys(schema.shape);
}

/** How to get a starting file for a command. */
export function initCommand({ name }: CommandConfig, path?: string): string {
  const words = ['moco config init', path, name === 'train' ? undefined : `--command ${name}`];
  return words.filter((word) => word !== undefined).join(' ');
}
