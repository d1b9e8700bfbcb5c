import { isUtf8 } from 'node:buffer';

/** The name of a file as text: bytes that are no UTF-8 are escaped, as `\xff`. */
export function nameText(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes.subarray(at, at + 4));
    text +=
      length > 0
        ? bytes.toString('utf8', at, at + length)
        : `\\x${bytes.toString('hex', at, at + 1)}`;
    at += Math.max(1, length);
  }
  return text;
}

/** Bytes of the character that these begin with; 0 where there is none. */
function characterLength(bytes: Buffer): number {
  for (let length = 1; length <= bytes.length; length++) {
    if (isUtf8(bytes.subarray(0, length))) return length;
  }
  return 0;
}

const naturally = new Intl.Collator('en', { numeric: true });

/** Sorts names as people do: `class 2` before `class 10`. */
export function sortedNaturally(names: Iterable<string>): string[] {
  const byCode = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return [...names].sort((a, b) => naturally.compare(a, b) || byCode(a, b));
}

/** In the order of their names, by code. */
export function byName<Named extends { readonly name: string }>(items: Iterable<Named>): Named[] {
  return [...items].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
