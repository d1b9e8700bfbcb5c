/** Characters of a text from a file that a message shows. */
const MAX_SHOWN = 100;

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
  return `"${shortened(name)}"`;
}

/** A text that holds names from a file, as one short line that no terminal interprets. */
export function shortened(text: string): string {
  const escaped = text
    .slice(0, MAX_SHOWN)
    .replace(
      /[\p{Cc}\p{Cf}\p{Cs}]/gu,
      (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
    );
  return text.length > MAX_SHOWN ? `${escaped}…` : escaped;
}
