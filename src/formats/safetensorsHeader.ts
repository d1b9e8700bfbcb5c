import { z } from 'zod';
import { FormatError, quoted, shortened } from './formatError.js';
import { MAX_DIMENSIONS } from './tensorFile.js';

/** The key of the header that holds texts; no tensor can have this name. */
export const METADATA = '__metadata__';

/** Half of a surrogate pair: an escape in JSON can spell it, but UTF-8 has no bytes for it. */
const HALF_CHARACTER = /\p{Cs}/u;

const [QUOTE, BACKSLASH] = [0x22, 0x5c];

/** With fields that the format does not name, which readers pass over. */
const tensorSchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().min(0)).max(MAX_DIMENSIONS),
  /** Positions of the first byte and of the byte after the last, counted from the header's end. */
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});

const metadataSchema = z.record(z.string(), z.string()).nullable();

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, z.output<typeof tensorSchema>>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Reads the header's JSON. @throws FormatError that names what the format does not allow */
export function parseHeader(bytes: Buffer): SafetensorsHeader {
  const header = parseObject(bytes);
  const { [METADATA]: metadata = {}, ...entries } = header;
  const tensors = new Map<string, z.output<typeof tensorSchema>>();
  for (const [name, entry] of Object.entries(entries)) {
    if (HALF_CHARACTER.test(name)) {
      throw new FormatError(`the name ${quoted(name)} holds half of a character`);
    }
    tensors.set(name, check(tensorSchema, entry, `tensor ${quoted(name)}`));
  }
  const texts = check(metadataSchema, metadata, METADATA) ?? {};
  const parsed = Buffer.from(JSON.stringify(header));
  if (countStrings(bytes) > countStrings(parsed)) {
    throw new FormatError('its header gives a key twice');
  }
  return { tensors, metadata: new Map(Object.entries(texts)) };
}

/** The text begins with a brace: that is how the format was recognised. */
function parseObject(bytes: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new FormatError('its header is not JSON');
  }
}

function check<T extends z.ZodType>(schema: T, value: unknown, what: string): z.output<T> {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  const where = (issue?.path ?? []).map((key) => `${String(key)}: `).join('');
  throw new FormatError(`its header is wrong: ${what}: ${shortened(`${where}${issue?.message}`)}`);
}

/**
 * Counts the strings in a JSON text. JSON.parse silently drops one of two equal keys; a header that
 * has some has more strings than what was parsed of it.
 */
function countStrings(json: Buffer): number {
  let quotes = 0;
  for (let at = 0; at < json.length; at++) {
    if (json[at] === BACKSLASH) at++;
    else if (json[at] === QUOTE) quotes++;
  }
  return quotes / 2;
}
