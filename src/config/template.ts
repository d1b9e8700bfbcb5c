import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as check from '../arguments/check.js';
import { absolute } from '../arguments/paths.js';
import { writeFileAtomic } from '../disk/atomicFile.js';
import { makeFolder } from '../disk/folder.js';
import { outputError } from '../disk/outputError.js';
import { MocoError } from '../error.js';
import { aCommand, type CommandConfig } from './commandConfig.js';
import { expectedValue, keySchemas } from './jsonSchema.js';

interface WriteOptions {
  /** Replace the file if there is one. */
  readonly force?: boolean | undefined;
}

const WRITE_ARGUMENTS = {
  command: aCommand,
  path: check.path,
  options: check.options<WriteOptions>({ force: check.flag }),
};

/**
 * A starting configuration file: every key with its default, what it means and what it takes.
 * @throws MocoError `ERR_MOCO_CONFIG` where `command` is none
 */
export function configTemplate(command: CommandConfig): string {
  check.requireArguments('configTemplate', { command: aCommand }, { command });
  const keys = [...keySchemas(command)];
  const lastWithDefault = keys.findLast(([, schema]) => schema.default !== undefined)?.[0];
  const lines = keys.flatMap(([key, schema]) => {
    const comment = `  // ${schema.description} (${expectedValue(schema)})`;
    if (schema.default === undefined) {
      return [comment, `  // "${key}": ${JSON.stringify(schema.examples?.[0])},`];
    }
    const comma = key === lastWithDefault ? '' : ',';
    return [comment, `  "${key}": ${JSON.stringify(schema.default)}${comma}`];
  });
  return [
    `// Configuration of \`moco ${command.name}\`: every key with its default. What you remove keeps its default.`,
    '{',
    ...lines,
    '}',
    '',
  ].join('\n');
}

/**
 * Writes the starting file, and makes the folders on the way to it.
 * @throws MocoError `ERR_MOCO_OUTPUT`, also where something is there and `force` is not set;
 * `ERR_MOCO_CONFIG`
 */
export async function writeConfigTemplate(
  command: CommandConfig,
  path: string,
  options: WriteOptions = {},
): Promise<void> {
  check.requireArguments('writeConfigTemplate', WRITE_ARGUMENTS, { command, path, options });
  const target = absolute(path);
  await makeFolder(dirname(target));
  const content = configTemplate(command);
  if (options.force) await writeFileAtomic(target, content);
  else await writeNewFile(target, content);
}

async function writeNewFile(path: string, content: string): Promise<void> {
  try {
    await writeFile(path, content, { flag: 'wx' });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw outputError(path, cause);
    throw new MocoError('ERR_MOCO_OUTPUT', `${path} exists already and was not changed`, {
      hint: 'Choose another path, or pass --force to replace it.',
      cause,
    });
  }
}
