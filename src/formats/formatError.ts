/**
 * What is wrong with a file that is being read, without the file's name: `readTensorFile` makes the
 * `MocoError` of it.
 */
export class FormatError extends Error {
  constructor(
    message: string,
    readonly hint: string = 'The file is damaged, or something else than it seems: get it again.',
  ) {
    super(message);
  }
}

/** A name from a file as one short line that no terminal interprets. */
export function quoted(name: string): string {
  const text = JSON.stringify(name.slice(0, 100)).replace(
    /[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return name.length > 100 ? `${text.slice(0, -1)}…"` : text;
}
