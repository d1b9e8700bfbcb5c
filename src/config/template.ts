import { access } from 'node:fs/promises';
import { writeFileAtomic } from '../formats/atomicFile.js';
import { MocoError } from '../native/error.js';
import { expectedValue, keySchema } from './jsonSchema.js';
import { trainConfigKeys } from './trainConfig.js';

/** A starting configuration file: every key with its default, what it means and what it takes. */
export function trainConfigTemplate(): string {
  const withDefault = trainConfigKeys.filter((key) => keySchema(key).default !== undefined);
  const lines = trainConfigKeys.flatMap((key) => {
    const schema = keySchema(key);
    const comment = `  // ${schema.description} (${expectedValue(schema)})`;
    if (schema.default === undefined) {
      return [comment, `  // "${key}": ${JSON.stringify(schema.examples?.[0])},`];
    }
    const comma = key === withDefault.at(-1) ? '' : ',';
    return [comment, `  "${key}": ${JSON.stringify(schema.default)}${comma}`];
  });
  return [
    '// Configuration of `moco train`: every key with its default. What you remove keeps its default.',
    '{',
    ...lines,
    '}',
    '',
  ].join('\n');
}

/**
 * Writes the starting file.
 * @throws MocoError `ERR_MOCO_OUTPUT` where the file exists and `force` is not set.
 */
export async function writeTrainConfigTemplate(
  path: string,
  options: { readonly force?: boolean | undefined } = {},
): Promise<void> {
  if (!options.force && (await exists(path))) {
    throw new MocoError('ERR_MOCO_OUTPUT', `${path} exists already and was not changed`, {
      hint: 'Choose another path, or pass --force to replace it.',
    });
  }
  await writeFileAtomic(path, trainConfigTemplate());
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
