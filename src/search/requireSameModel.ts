import { isDeepStrictEqual } from 'node:util';
import { checksumOf } from '../download/checksum.js';
import type { EncoderDescription } from '../embed/encoder.js';
import { MocoError } from '../error.js';
import type { NeighbourIndex } from './neighbourIndex.js';

/**
 * Makes sure that an encoder's features can be compared with those of an index.
 * @returns what the user should know, one line each
 * @throws MocoError `ERR_MOCO_CONFIG` where they are of another kind; `ERR_MOCO_ABORTED`
 */
export async function requireSameModel(
  { model, dims }: EncoderDescription,
  { dims: indexed, meta }: NeighbourIndex,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const { output = 'features', model: indexedBy, input } = meta;
  if (dims[output] !== indexed) {
    throw other(
      `has ${output} of ${indexed} numbers, and those of the model have ${dims[output] ?? 'none'}`,
    );
  }
  if (indexedBy === undefined) return ['the index does not say which model made its features'];
  if (indexedBy.arch !== model.arch || indexedBy.stem !== model.stem) {
    const made = `${indexedBy.arch}, stem ${indexedBy.stem}`;
    throw other(`was made by another model (${made}) than ${model.arch}, stem ${model.stem}`);
  }
  if (input !== undefined && !isDeepStrictEqual(input, model.input)) {
    const [seen, sees] = [input, model.input].map((each) => JSON.stringify(each));
    throw other(`was made of pictures that were seen otherwise: ${seen}, and not ${sees}`);
  }
  if (indexedBy.sha256 === (await checksumOf(model.path, 'sha256', signal))) return [];
  return [
    `the features are of another file (${indexedBy.name}): if that was another model, no similarity means anything`,
  ];
}

function other(what: string): MocoError {
  return new MocoError('ERR_MOCO_CONFIG', `the index ${what}`, {
    hint: 'Search with the model that the features were made with, or make them anew: moco embed.',
  });
}
