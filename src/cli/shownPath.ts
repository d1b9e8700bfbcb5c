import { isAbsolute, relative } from 'node:path';

/** A path as a person would type it: from the working folder on, where it lies in there. */
export function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === '' || fromHere.startsWith('..') || isAbsolute(fromHere) ? path : fromHere;
}
